import { deepEqual, equal, rejects } from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../setup/command";
import { ENGINE_VERSION, engineOnPath } from "../../setup/engine";
import { downloadEngine } from "../../setup/engine-download";
import { ChecksumMismatch, DownloadFailed } from "../../setup/errors";
import { PROJECT_ROOT } from "../../setup/project";

describe("the engine", () => {
  let folder = "";

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "heye-engine-"));
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("has the same version wherever one is written down", async () => {
    const manifest = JSON.parse(await readFile(join(PROJECT_ROOT, "package.json"), "utf8")) as {
      devDependencies: Record<string, string>;
      peerDependencies: Record<string, string>;
    };
    const module = await readFile(join(PROJECT_ROOT, "setup", "go", "engine", "go.mod"), "utf8");
    equal(manifest.devDependencies["@pulumi/pulumi"], ENGINE_VERSION);
    equal(manifest.peerDependencies["@pulumi/pulumi"], `^${ENGINE_VERSION}`);
    equal(/github.com\/pulumi\/pulumi\/pkg\/v3 v(\S+)/.exec(module)?.[1], ENGINE_VERSION);
  });

  describe("on PATH", () => {
    async function install(name: string, script: string, ...others: string[]): Promise<string> {
      const bin = join(folder, name);
      await mkdir(bin);
      await writeFile(join(bin, "pulumi"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      for (const other of others) await writeFile(join(bin, other), "", { mode: 0o755 });
      return bin;
    }

    it("is used when it is new enough and has the language host", async () => {
      const bin = await install("good", "echo v3.300.1", "pulumi-language-nodejs");
      equal(await engineOnPath(`/nonexistent::${bin}`), bin);
    });

    it("is left alone when it is too old, of another generation, alone, broken or mute", async () => {
      const bins = [
        await install("old", "echo v3.258.9", "pulumi-language-nodejs"),
        await install("next", "echo v4.0.0", "pulumi-language-nodejs"),
        await install("alone", "echo v3.300.0"),
        await install("broken", "exit 1", "pulumi-language-nodejs"),
        await install("mute", "true", "pulumi-language-nodejs"),
      ];
      for (const bin of bins) equal(await engineOnPath(bin), undefined, bin);
      equal(await engineOnPath(""), undefined);
    });
  });

  describe("from its publisher", () => {
    let server: Server;
    let site = "";
    /** What the site serves, by the last part of the address. */
    let files = new Map<string, Buffer>();

    beforeEach(async () => {
      files = new Map();
      server = createServer((request, response) => {
        const content = files.get(String(request.url).split("/").at(-1) ?? "");
        if (content === undefined) response.writeHead(404).end();
        else response.end(content);
      }).listen(0, "127.0.0.1");
      await once(server, "listening");
      site = `http://127.0.0.1:${(server.address() as AddressInfo).port}/download`;
    });

    afterEach(() => {
      server.closeAllConnections();
      server.close();
    });

    async function publish(): Promise<string> {
      const content = join(folder, "content");
      await mkdir(join(content, "pulumi"), { recursive: true });
      await writeFile(join(content, "pulumi", "pulumi"), "the engine");
      await run("tar", [
        "--create",
        "--gzip",
        "--file",
        join(folder, "a.tar.gz"),
        "--directory",
        content,
        "pulumi",
      ]);
      const archive = await readFile(join(folder, "a.tar.gz"));
      const name = `pulumi-v3.259.0-linux-${process.arch}.tar.gz`;
      files.set(name, archive);
      const digest = createHash("sha256").update(archive).digest("hex");
      files.set("pulumi-3.259.0-checksums.txt", Buffer.from(`${digest}  ${name}\n`));
      return name;
    }

    async function download(): Promise<string[]> {
      const target = join(folder, "target");
      await mkdir(target);
      try {
        await downloadEngine(target, "3.259.0", site);
      } catch (error) {
        deepEqual(await readdir(target), [], "nothing is left of a failed download");
        throw error;
      }
      return readdir(target, { recursive: true });
    }

    it("is unpacked into bin/", async () => {
      await publish();
      deepEqual((await download()).sort(), ["bin", join("bin", "pulumi")]);
    });

    it("is not taken when it is another file than the list names", async () => {
      const name = await publish();
      files.set(name, Buffer.from("something else"));
      await rejects(download(), ChecksumMismatch);
    });

    it("counts as out of reach when a file or its checksum is missing", async () => {
      const name = await publish();
      files.delete(name);
      await rejects(download(), DownloadFailed);
      files.set("pulumi-3.259.0-checksums.txt", Buffer.from("nothing\n"));
      await rm(join(folder, "target"), { recursive: true });
      await rejects(download(), DownloadFailed);
    });
  });
});
