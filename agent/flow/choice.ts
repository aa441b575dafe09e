import {
  type Bucket,
  type Candidate,
  type Client,
  type Lookup,
  mhChoice,
  mhLookup,
  type Service,
  shChoice,
  shLookup,
} from "../../ipvs";

/** How a service chooses, where that can be computed: from the client alone, not from what came before it. */
export interface Choice {
  readonly lookup: Lookup;
  /** Whether the client's port counts besides its address. */
  readonly hashesPort: boolean;
  readonly choose: (client: Client) => Bucket;
}

/** Undefined: the service's scheduler goes by the moment. */
export function choiceOf(service: Service, candidates: readonly Candidate[]): Choice | undefined {
  const { scheduler } = service;
  if (scheduler !== "mh" && scheduler !== "sh") return undefined;
  const flags = flagsOf(service);
  const hashesPort = flags.includes(`${scheduler}-port`);
  const hasFallback = flags.includes(`${scheduler}-fallback`);
  const [fill, pick] = scheduler === "mh" ? [mhLookup, mhChoice] : [shLookup, shChoice];
  const lookup = fill(candidates);
  const choose = ({ address, port }: Client) =>
    pick(lookup, candidates, { address, port: hashesPort ? port : 0 }, hasFallback);
  return { lookup, hashesPort, choose };
}

/** Whether a client that is known goes where it went before, whatever its scheduler says. */
export function isPersistent({ extra }: Service): boolean {
  return /(^| )-p /.test(extra);
}

function flagsOf({ extra }: Service): string[] {
  return (/(?:^| )-b (\S+)/.exec(extra)?.[1] ?? "").split(",");
}
