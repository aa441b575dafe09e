/** How members of an etcd are started and told apart: pure functions, for those on loopback and those in a lab. */

/** A member, by what its program is told. */
export interface EtcdMember {
  readonly name: string;
  /** Where it answers clients, and the other members. */
  readonly clientUrl: string;
  readonly peerUrl: string;
  /** Its data. */
  readonly folder: string;
}

/** Words that start a member. What is written need not outlive the machine: nobody waits for its disk. */
export function memberWords(
  { name, clientUrl, peerUrl, folder }: EtcdMember,
  all: readonly EtcdMember[],
  { token, state }: { readonly token: string; readonly state: "new" | "existing" },
): string[] {
  return [
    ...["--name", name, "--data-dir", folder, "--log-level", "error", "--unsafe-no-fsync"],
    ...["--listen-client-urls", clientUrl, "--advertise-client-urls", clientUrl],
    ...["--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl],
    ...["--initial-cluster", initialCluster(all), "--initial-cluster-token", token],
    ...["--initial-cluster-state", state],
  ];
}

/** All members as each of them is told of them. */
export function initialCluster(all: readonly EtcdMember[]): string {
  return all.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(",");
}

/** The id of a member by what `etcdctl member list` prints. Throws Error where it is not named there. */
export function memberId(list: string, name: string): string {
  const fields = list.split("\n").map((line) => line.split(", "));
  const id = fields.find(([, , found]) => found === name)?.[0];
  if (id === undefined) throw new Error(`there is no member ${name} in:\n${list}`);
  return id;
}
