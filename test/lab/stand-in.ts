import type { Site } from "./site";

/** Where the real ipvsadm is while another program stands in its place. */
const REAL = "/tmp/ipvsadm";

/** For as long as `test` runs, a director has another program in the place of ipvsadm; the real one is /tmp/ipvsadm. */
export async function replacing<T>(
  site: Site,
  director: string,
  program: string,
  test: () => Promise<T>,
): Promise<T> {
  await site.on(director, "cp", "/usr/sbin/ipvsadm", REAL);
  const install = ["sh", "-c", "cat > /tmp/program; chmod 755 /tmp/program"];
  await site.lab.exec(director, install, { stdin: `#!/bin/sh\n${program}\n` });
  await site.on(director, "mount", "--bind", "/tmp/program", "/usr/sbin/ipvsadm");
  try {
    return await test();
  } finally {
    await site.on(director, "umount", "/usr/sbin/ipvsadm");
  }
}

/** One director's ipvsadm loses every line with a text, as a kernel that refuses it would. */
export function refusing<T>(site: Site, director: string, text: string, test: () => Promise<T>): Promise<T> {
  const program = `case "$*" in *--restore*) grep -vF -- "${text}" | ${REAL} "$@";; *) exec ${REAL} "$@";; esac`;
  return replacing(site, director, program, test);
}

/** What was written to the tables of directors while `test` ran, as lines for `ipvsadm --restore`, by director. */
export async function recording(
  site: Site,
  directors: readonly string[],
  test: () => Promise<unknown>,
): Promise<Record<string, string[]>> {
  const [director, ...others] = directors;
  if (director === undefined) {
    await test();
    return {};
  }
  const program = `case "$*" in *--restore*) tee -a /tmp/written | ${REAL} "$@";; *) exec ${REAL} "$@";; esac`;
  await site.on(director, "sh", "-c", ": > /tmp/written");
  const rest = await replacing(site, director, program, () => recording(site, others, test));
  const written = await site.on(director, "cat", "/tmp/written");
  return { [director]: written.split("\n").filter((line) => line !== ""), ...rest };
}
