/**
 * Ways to reach a director: over SSH with nothing installed on it, or its agent, through SSH. Holds the session pool, the record of who
 * owns what on a director, and changes to it as pure functions that leave in groups, each conditional on the
 * state it was computed from.
 */

export { type AgentConfig, agentConfigText, configDigest } from "./agent-config";
export { type AgentProgram, installAgent, removeAgent, runningAgent } from "./agent-install";
export type { Applied } from "./batch";
export { type Capabilities, type RivalSign, steadySkewMs, stepWarnings } from "./capabilities";
export type { Change, Manner } from "./change";
export type { Claim } from "./claim";
export { desiredService, isInService, observedServer } from "./desired";
export { Director, type Mode } from "./director";
export { drain } from "./drain-change";
export { entering } from "./entering";
export * from "./errors";
export { checkForwarding } from "./forwarding-check";
export { type ForwardingPath, forwardingPath } from "./forwarding-path";
export { describeCheck, describeFailure, GateError, type GateFailure } from "./gate-error";
export { declaredFingerprint } from "./host-key";
export { installMissing } from "./install";
export { observedLimits } from "./limits";
export { isWatchedPool, lostServers } from "./lost";
export { putMember, removeMember } from "./member-change";
export { DUMMY_DEVICE } from "./placement";
export type { DirectorWord, PlaneAnswer } from "./plane-answer";
export { privateKeyFault } from "./private-key";
export type { Actor, Basis } from "./refusal";
export { inOrderOf, memberOf, type NamedClaim, registrationOf, watchedOf } from "./registration";
export {
  findRegistration,
  type Member,
  type Owner,
  type Registration,
  type Registry,
  type Watched,
} from "./registry";
export { parseRegistry } from "./registry-format";
export { findRivals } from "./rivals";
export { connectionKey, SessionPool } from "./session-pool";
export {
  changeSettings,
  observeSettings,
  rehearseSettings,
  type SettingsState,
  settingsDrift,
} from "./settings";
export { isSomething, type SettingsWish } from "./settings-plan";
export type { DirectorState } from "./state";
export { putVirtualServer, removeVirtualServer } from "./virtual-server-change";
export { effectiveWeight } from "./weight";
