import assert from "node:assert/strict";
import { servicesOf } from "../../bench/plan";
import { costEach, countsOf } from "../../bench/plane/counts";
import { created, turned, weighted } from "../../bench/plane/steps";

const member = (puts: number, received: number, sent: number) => `# TYPE etcd_mvcc_put_total counter
etcd_mvcc_put_total ${puts}
etcd_network_client_grpc_received_bytes_total ${received}
etcd_network_client_grpc_sent_bytes_total ${sent}
`;

describe("the bench of directors that share an etcd", () => {
  it("counts a write once, and the bytes of all members' clients", () => {
    const counts = countsOf([member(7, 100, 20), member(6, 1, 2), member(7, 0, 1.5e3)]);
    assert.deepEqual(counts, { puts: 7, bytes: 100 + 20 + 1 + 2 + 1_500 });
    assert.throws(() => countsOf(["etcd_mvcc_put_total 7\n"]), /does not tell etcd_network_client_grpc_rec/);
  });

  it("takes off what goes on all the time", () => {
    const idle = { s: 10, puts: 0, bytes: 1_000 };
    assert.deepEqual(costEach({ s: 20, puts: 40, bytes: 12_000 }, idle, 10), { puts: 4, bytes: 1_000 });
    assert.deepEqual(costEach({ s: 20, puts: 0, bytes: 1_000 }, idle, 10), { puts: 0, bytes: 0 });
  });

  it("makes changes of an API, and knows what every table holds then", () => {
    const [service] = servicesOf({ virtualServers: 1, servers: 2 });
    assert.ok(service);
    const where = { service: "10.200.0.0:80", server: "10.100.0.0:80" };
    assert.deepEqual(turned(service, 0), { ...where, weight: 0 });
    assert.deepEqual(weighted(service, 5), {
      ...where,
      weight: 5,
      request: {
        method: "PUT",
        path: "/v1/virtual-servers/tcp-10.200.0.0-80/real-servers/10.100.0.0-80/weight",
        body: { weight: 5 },
      },
    });
    const { request, ...held } = created(service, { type: "none" });
    assert.deepEqual(held, { ...where, weight: 1 });
    assert.equal(request?.path, "/v1/virtual-servers");
  });
});
