/** A version `major.minor.patch`; what follows (`-alpha.1`, `+build`) is not kept. */
export type Version = readonly [major: number, minor: number, patch: number];

/** The first version number in a text such as `v3.259.0`, `go1.26.8` or `go version go1.26 linux/amd64`. */
export function parseVersion(text: string): Version | undefined {
  const match = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  if (match === null) return undefined;
  return [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
}

/** Whether `version` is `oldest` or newer. */
export function atLeast(version: Version, oldest: Version): boolean {
  for (const [index, wanted] of oldest.entries()) {
    const part = version[index] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return true;
}
