import { equal, match, ok, rejects, throws } from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf, downloadFile, downloadText } from "../../setup/download";
import { ChecksumMismatch, DownloadFailed } from "../../setup/errors";

describe("downloads of the set-up", () => {
  const content = Buffer.alloc(300_000, "heye");
  const digest = createHash("sha256").update(content).digest("hex");
  let folder = "";
  let server: Server | undefined;

  async function serve(listener: RequestListener): Promise<string> {
    server = createServer(listener).listen(0, "127.0.0.1");
    await once(server, "listening");
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "heye-download-"));
  });

  afterEach(async () => {
    server?.closeAllConnections();
    server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("writes a file whose checksum is right", async () => {
    const url = await serve((_request, response) => response.end(content));
    await downloadFile(url, join(folder, "a"), digest);
    ok(content.equals(await readFile(join(folder, "a"))));
  });

  it("refuses a file whose checksum is wrong", async () => {
    const url = await serve((_request, response) => response.end("something else"));
    await rejects(downloadFile(url, join(folder, "a"), digest), ChecksumMismatch);
  });

  it("fails on an answer that is an error, and on one that is cut", async () => {
    const url = await serve((request, response) => {
      if (request.url === "/file") response.writeHead(404).end();
      else
        response
          .writeHead(200, { "content-length": content.length })
          .write(content.subarray(0, 1000), () => response.destroy());
    });
    await rejects(downloadText(url), /answered 404/);
    await rejects(downloadFile(`${url}-cut`, join(folder, "a"), digest), DownloadFailed);
  });

  it("gives up where nobody answers", async () => {
    const url = await serve(() => undefined);
    await rejects(downloadText(url, 200), /no data for 0.2 s/);
    await rejects(downloadText("http://127.0.0.1:1/"), DownloadFailed);
  });

  it("finds a file in the publisher's list of checksums", () => {
    const list = `${"0".repeat(64)}  other.tar.gz\n${digest} *mine.tar.gz\nnonsense\n`;
    equal(digestOf("mine.tar.gz", list), digest);
    throws(() => digestOf("absent.tar.gz", list), DownloadFailed);
    match(digestOf("other.tar.gz", list), /^0+$/);
  });
});
