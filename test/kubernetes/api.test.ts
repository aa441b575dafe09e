import assert from "node:assert/strict";
import { KubeConfig } from "@kubernetes/client-node";
import { Api, ApiError } from "../../kubernetes";
import { endpointSliceObject } from "../../kubernetes/objects";
import { Cluster } from "./cluster";
import { FaultProxy } from "./fault-proxy";
import { managedSlice } from "./objects";

after(() => Cluster.stopShared());

describe("requests to the API server", () => {
  it("tell it all that they say: a slice that is not as it was is not deleted, and through a proxy neither", async () => {
    const cluster = await Cluster.shared();
    const proxy = await FaultProxy.start(cluster.plane);
    const namespace = await cluster.namespace();
    await cluster.apply(managedSlice("web-1", "web", ["10.77.250.1"]), "-n", namespace);
    const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices/web-1`;
    for (const server of [undefined, proxy]) {
      const config = new KubeConfig();
      config.loadFromFile(await cluster.accountConfig(server));
      const api = new Api(config, "test");
      const { metadata } = endpointSliceObject.parse(await api.request({ method: "GET", path }));
      for (const precondition of [{ uid: "other" }, { resourceVersion: "1" }])
        await assert.rejects(
          api.request({ method: "DELETE", path, body: { preconditions: precondition } }),
          (error) => error instanceof ApiError && error.isConflict,
        );
      const after = endpointSliceObject.parse(await api.request({ method: "GET", path }));
      assert.deepEqual(after.metadata, metadata);
      api.close();
    }
    await proxy.stop();
    await cluster.kubectl(["delete", "namespace", namespace, "--wait=false"]);
  });
});
