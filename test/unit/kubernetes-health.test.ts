import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { Registry } from "prom-client";
import * as z from "zod";
import { manifest } from "../../kubernetes";
import { serveHealth } from "../../kubernetes/health-server";

const probe = z.object({ httpGet: z.object({ path: z.string() }) });
const deployment = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({ containers: z.tuple([z.object({ livenessProbe: probe, readinessProbe: probe })]) }),
    }),
  }),
});

describe("a controller that can read nothing", () => {
  // kube-router#810 and #2162: a liveness that asks for success has what cannot succeed killed again and again.
  it("is alive where Kubernetes asks whether it is to be killed, and not ready to take over", async () => {
    const metrics = new Registry();
    const server = await serveHealth({ host: "127.0.0.1", port: 0 }, { isReady: () => false, metrics });
    try {
      const { port } = server.address() as AddressInfo;
      const status = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
      const { spec } = deployment.parse(manifest().find(({ kind }) => kind === "Deployment"));
      const [{ livenessProbe, readinessProbe }] = spec.template.spec.containers;
      assert.equal(await status(livenessProbe.httpGet.path), 200);
      assert.equal(await status(readinessProbe.httpGet.path), 503);
    } finally {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    }
  });
});
