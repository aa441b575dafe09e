import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./command";
import { digestOf, downloadFile, downloadText } from "./download";
import { PlatformUnsupported } from "./errors";
import { say } from "./report";

/** Where Pulumi publishes its archives, and their checksums beside them. */
const SITE = "https://github.com/pulumi/pulumi/releases/download";

/**
 * Fetches the engine that Pulumi publishes into `dir/bin`. The list of checksums is asked for first: it is
 * small, so whether the site can be reached is known within seconds.
 *
 * @param site where the releases are
 * @throws DownloadFailed, ChecksumMismatch
 * @throws PlatformUnsupported where nothing is published for this machine
 */
export async function downloadEngine(dir: string, version: string, site = SITE): Promise<void> {
  const architecture = { x64: "x64", arm64: "arm64" }[process.arch as string];
  if (architecture === undefined || process.platform !== "linux") {
    throw new PlatformUnsupported({
      expected: "a system that Pulumi is published for (Linux on x64 or arm64)",
      found: `${process.platform} on ${process.arch}`,
      next: "use a supported system",
    });
  }
  const release = `${site}/v${version}`;
  const archive = `pulumi-v${version}-linux-${architecture}.tar.gz`;
  const sums = await downloadText(`${release}/pulumi-${version}-checksums.txt`);
  say(`downloading ${release}/${archive}`);
  const file = join(dir, archive);
  try {
    await downloadFile(`${release}/${archive}`, file, digestOf(archive, sums));
    await run("tar", ["--extract", "--gzip", "--file", file, "--directory", dir]);
  } finally {
    await rm(file, { force: true });
  }
  await rename(join(dir, "pulumi"), join(dir, "bin"));
}
