/**
 * What stands registered on a director and what its table is, as data: for those who run on the director itself. The
 * same as a part of this room's door, without anything that reaches a director over a network.
 */

export { type AgentConfig, agentConfigText, configDigest, type SharedEtcd } from "./agent-config";
export type {
  ChangeAnswer,
  ChangeOrder,
  CheckAnswer,
  CheckOrder,
  ProblemAnswer,
  StateAnswer,
} from "./agent-protocol";
export { AGENT_FOLDER, AGENT_PROTOCOL, AGENT_READY, AGENT_SOCKET, PROTOCOL_HEADER } from "./agent-protocol";
export { canonicalJson } from "./canonical";
export { desiredDestination, desiredService } from "./desired";
export { entering } from "./entering";
export {
  BusyError,
  DirectorError,
  ForeignEntryError,
  ForwardingCheckError,
  NoVirtualServerError,
  OwnedElsewhereError,
} from "./errors";
export { checkForwarding, type ForwardingProber } from "./forwarding-check";
export { type ForwardingPath, forwardingPath } from "./forwarding-path";
export { ForwardingProbe, type ProbeChannel } from "./forwarding-probe";
export { forwardingCommand } from "./forwarding-script";
export { describeCheck, GateError, type GateFailure } from "./gate-error";
export { GroupCommit } from "./group-commit";
export { knownTable } from "./limits";
export { draining } from "./member";
export { PLACE, placementFaults } from "./placement";
export type { DirectorWord, PlaneAnswer } from "./plane-answer";
export { type Actor, type Basis, ownRegistration, refuseForeignDestination } from "./refusal";
export { inOrderOf, memberOf, registrationOf, watchedOf } from "./registration";
export {
  duringRegistry,
  EMPTY_REGISTRY,
  findRegistration,
  type Member,
  type Registration,
  type Registry,
  registeredMembers,
  withRegistration,
} from "./registry";
export {
  joinLines,
  mergeDelta,
  parseRegistry,
  registryDelta,
  registryLines,
  renderRegistry,
} from "./registry-format";
export { remaining } from "./remaining";
export { sha256 } from "./sha256";
export { type Digests, tableDigest } from "./state";
export { readTableText, type TableText, withServices } from "./table-text";
export { putVirtualServer, removeVirtualServer } from "./virtual-server-change";
export { type DeclaredFactors, declaredFactors, effectiveWeight } from "./weight";
