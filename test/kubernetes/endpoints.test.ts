import assert from "node:assert/strict";
import * as net from "node:net";
import { greeting, refusal } from "../unit/mysql-packets";
import { Cluster } from "./cluster";
import { endpointsReadiness, secretGrant, service, statusOf, untilOut, v1Endpoints } from "./objects";
import { Replica } from "./replica";
import { acceptOn, addresses, listening, RealServer } from "./servers";
import { until } from "./until";

after(() => Cluster.stopShared());

/** As its users have written it. */
const HEYE_V1 = (first: string, second: string) => `
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  ports:
    - name: http
      port: 80
      protocol: TCP
      targetPort: 80
---
apiVersion: v1
kind: Endpoints
metadata:
  name: web
  annotations:
    calledSource: "heye"
    healthCheckType: "http"
subsets:
  - addresses:
      - ip: ${first}
      - ip: ${second}
    ports:
      - name: http
        port: 80
        protocol: TCP
`;

/** Asks often, and is patient with this busy host. */
const QUICK = { "heye.io/health-check": '{"type":"http","intervalMs":200,"timeoutMs":5000}' };

describe("annotated Endpoints", function () {
  this.slow(60_000);
  let cluster: Cluster;
  let replica: Replica;
  let namespace: string;

  before(async () => {
    cluster = await Cluster.shared();
    replica = await Replica.lead(await cluster.accountConfig());
  });
  after(() => replica.stop());
  beforeEach(async () => {
    namespace = await cluster.namespace();
  });
  afterEach(() => cluster.kubectl(["delete", "namespace", namespace, "--wait=false"]));

  it("HeYe's own YAML: a dead server moves to notReadyAddresses and back", async () => {
    const [first = "", second = ""] = addresses(2);
    const servers = [await RealServer.start(first), await RealServer.start(second)];
    await cluster.apply(HEYE_V1(first, second), "-n", namespace);
    await until("both are checked", () => servers.every(({ requests }) => requests > 1));
    await servers[1]?.die();
    await untilOut(cluster, namespace, "web", [second]);
    await servers[1]?.revive();
    await untilOut(cluster, namespace, "web", []);
    for (const server of servers) await server.die();
  });

  it("each change is one write, with its reason in the object and in an Event", async () => {
    const [first = "", second = ""] = addresses(2);
    const servers = [await RealServer.start(first), await RealServer.start(second)];
    await cluster.apply(service("web"), "-n", namespace);
    await cluster.apply(v1Endpoints("web", [first, second], QUICK), "-n", namespace);
    await until("both are checked", () => servers.every(({ requests }) => requests > 5));
    assert.equal(cluster.writeCount(namespace), 0, "nothing was to be written yet");
    await servers[1]?.die();
    await untilOut(cluster, namespace, "web", [second]);
    const reason = `http ${second}:80: cannot connect: ECONNREFUSED`;
    assert.deepEqual(await statusOf(cluster, namespace, "endpoints", "web"), { out: { [second]: reason } });
    assert.equal(cluster.writeCount(namespace), 1);
    await servers[1]?.revive();
    await untilOut(cluster, namespace, "web", []);
    assert.equal(await statusOf(cluster, namespace, "endpoints", "web"), undefined);
    assert.equal(cluster.writeCount(namespace), 2);
    const events = await until("both Events are there", async () => {
      const all = await cluster.events(namespace);
      return all.length >= 2 && all;
    });
    assert.deepEqual(events.map(({ reason: why, message }) => `${why}: ${message}`).sort(), [
      `ServerDown: taken out: ${second} (${reason})`,
      `ServerUp: put in: ${second}`,
    ]);
    for (const server of servers) await server.die();
  });

  it("tcp and mysql: a port that accepts, and a database that asks for a login", async () => {
    const [tcp = "", mysql = ""] = addresses(2);
    const ports = [{ name: "db", port: 3306 }];
    const database = net.createServer((socket) => {
      socket.on("error", () => undefined).write(greeting("mysql_native_password"));
      socket.once("data", () => socket.end(refusal(2, 1045, "Access denied")));
    });
    const plain = await acceptOn(tcp, 3306);
    await listening(database, mysql, 3306);
    const annotated = (healthCheckType: string) => ({ calledSource: "", healthCheckType });
    const objects = [
      service("tcp", ports),
      v1Endpoints("tcp", [tcp], annotated("tcp"), ports),
      service("mysql", ports),
      v1Endpoints("mysql", [mysql, tcp], annotated("mysql"), ports),
    ];
    await cluster.apply({ apiVersion: "v1", kind: "List", items: objects }, "-n", namespace);
    await untilOut(cluster, namespace, "mysql", [tcp]);
    assert.deepEqual(await endpointsReadiness(cluster, namespace, "tcp"), { ready: [tcp], notReady: [] });
    assert.deepEqual((await statusOf(cluster, namespace, "endpoints", "mysql"))?.out, {
      [tcp]: `mysql ${tcp}:3306: no answer within 500 ms`,
    });
    plain.close();
    database.close();
    await untilOut(cluster, namespace, "tcp", [tcp]);
  });

  it("parameters of our own, over those of HeYe v1, and header fields out of a Secret", async () => {
    const [first = "", second = ""] = addresses(2);
    const servers = [await RealServer.start(first), await RealServer.start(second)];
    for (const server of servers) server.status = 404;
    await cluster.kubectl([
      "create",
      "secret",
      "generic",
      "check",
      "-n",
      namespace,
      "--from-literal",
      "header.X-Token=open",
    ]);
    await cluster.apply({ apiVersion: "v1", kind: "List", items: secretGrant(namespace, "check") });
    const annotations = {
      calledSource: "",
      healthCheckType: "http",
      "heye.io/health-check.method": "GET",
      "heye.io/health-check.expectedStatuses": '["404"]',
      "heye.io/health-check.intervalMs": "200",
      "heye.io/health-check.timeoutMs": "5000",
      "heye.io/health-check-secret": "check",
    };
    await cluster.apply(service("own"), "-n", namespace);
    await cluster.apply(v1Endpoints("own", [first, second], annotations), "-n", namespace);
    await until("the Secret's header field is sent", () => servers.every(({ tokens }) => tokens.has("open")));
    await until("both were asked often", () => servers.every(({ requests }) => requests > 5));
    assert.deepEqual((await endpointsReadiness(cluster, namespace, "own")).notReady, []);
    if (servers[0]) servers[0].status = 200;
    await untilOut(cluster, namespace, "own", [first]);
    assert.equal(JSON.stringify(replica.log).includes("X-Token"), false);
    for (const server of servers) await server.die();
  });

  it("a Secret that may not be read is told of, and nothing is taken out", async () => {
    const [first = ""] = addresses(1);
    await cluster.apply(service("closed"), "-n", namespace);
    const annotations = {
      "heye.io/health-check": '{"type":"mysql","user":"heye"}',
      "heye.io/health-check-secret": "db",
    };
    await cluster.apply(v1Endpoints("closed", [first], annotations), "-n", namespace);
    const [problem = ""] = await until(
      "the problem is told",
      async () => (await statusOf(cluster, namespace, "endpoints", "closed"))?.problems,
    );
    assert.match(
      problem,
      /heye\.io\/health-check-secret: the controller may not read the Secret db: bind a Role/,
    );
    assert.deepEqual((await endpointsReadiness(cluster, namespace, "closed")).ready, [first]);
  });

  it("port names that do not match, a password in an annotation and a selector are told of, once", async () => {
    const [first = ""] = addresses(1);
    const secretive = { "heye.io/health-check": '{"type":"mysql","user":"a","password":"s3cret"}' };
    const selecting = service("selecting");
    const objects = [
      service("mismatch"),
      v1Endpoints("mismatch", [first], undefined, [{ name: "web", port: 80 }]),
      service("secretive"),
      v1Endpoints("secretive", [first], secretive),
      { ...selecting, spec: { ...selecting.spec, selector: { app: "none" } } },
    ];
    await cluster.apply({ apiVersion: "v1", kind: "List", items: objects }, "-n", namespace);
    await until("Kubernetes has made Endpoints", () =>
      cluster.kubectl(["get", "endpoints", "selecting", "-n", namespace]).catch(() => undefined),
    );
    await cluster.kubectl([
      "annotate",
      "-n",
      namespace,
      "endpoints",
      "selecting",
      "calledSource=",
      "healthCheckType=tcp",
    ]);
    const told = await until("all are told of", async () => {
      const events = await cluster.events(namespace);
      return events.length >= 3 && events;
    });
    const messages = Object.fromEntries(told.map(({ name, message }) => [name, message]));
    assert.equal(
      messages.mismatch,
      'port names must match: the Service mismatch has "http", the Endpoints mismatch has "web"',
    );
    assert.match(messages.secretive ?? "", /password may be secret: put it into a Secret/);
    assert.match(messages.selecting ?? "", /the Service selecting has a selector/);
    assert.equal(JSON.stringify([told, replica.log]).includes("s3cret"), false);
    assert.equal(told.length, 3);
    assert.deepEqual((await endpointsReadiness(cluster, namespace, "mismatch")).ready, [first]);
  });

  it("addresses edited by hand while one is down are taken over at once, ready or not", async () => {
    const [up = "", down = "", added = "", dead = ""] = addresses(4);
    const servers = [await RealServer.start(up), await RealServer.start(added)];
    await cluster.apply(service("edited"), "-n", namespace);
    await cluster.apply(v1Endpoints("edited", [up, down], QUICK), "-n", namespace);
    await untilOut(cluster, namespace, "edited", [down]);
    const before = cluster.writeCount(namespace);
    // The whole object again, with the dead one among the ready: it goes out again by one write.
    await cluster.apply(v1Endpoints("edited", [up, down, added], QUICK), "-n", namespace);
    await until("the new one is asked", () => (servers[1]?.requests ?? 0) > 1);
    await untilOut(cluster, namespace, "edited", [down]);
    assert.deepEqual((await endpointsReadiness(cluster, namespace, "edited")).ready, [up, added].sort());
    assert.equal(cluster.writeCount(namespace), before + 1);
    // Of a dead one that the user takes out nothing is left, and one that he adds as not ready has to rise.
    const patch = {
      subsets: [
        {
          addresses: [{ ip: up }],
          notReadyAddresses: [{ ip: added }, { ip: dead }],
          ports: [{ name: "http", port: 80 }],
        },
      ],
    };
    await cluster.kubectl([
      "patch",
      "-n",
      namespace,
      "endpoints",
      "edited",
      "--type=merge",
      "-p",
      JSON.stringify(patch),
    ]);
    await untilOut(cluster, namespace, "edited", [dead]);
    assert.deepEqual((await endpointsReadiness(cluster, namespace, "edited")).ready, [up, added].sort());
    await until(
      "the reason is told",
      async () =>
        Object.keys((await statusOf(cluster, namespace, "endpoints", "edited"))?.out ?? {}).join() === dead,
    );
    for (const server of servers) await server.die();
  });

  it("a server that flaps faster than it can fall makes no write", async () => {
    const [steady = "", flapping = ""] = addresses(2);
    const servers = [await RealServer.start(steady), await RealServer.start(flapping)];
    const annotations = {
      "heye.io/health-check": '{"type":"http","intervalMs":100,"timeoutMs":5000,"fall":3,"rise":3}',
    };
    await cluster.apply(service("flapping"), "-n", namespace);
    await cluster.apply(v1Endpoints("flapping", [steady, flapping], annotations), "-n", namespace);
    const [, server] = servers;
    assert.ok(server);
    // Every second answer is a failure.
    server.flapping = true;
    await until("it was asked often", () => server.requests > 40);
    assert.equal(cluster.writeCount(namespace), 0);
    for (const one of servers) await one.die();
  });

  it("a Service that is deleted and made again is checked again", async () => {
    const [up = "", down = ""] = addresses(2);
    const server = await RealServer.start(up);
    const objects = {
      apiVersion: "v1",
      kind: "List",
      items: [service("again"), v1Endpoints("again", [up, down])],
    };
    await cluster.apply(objects, "-n", namespace);
    await untilOut(cluster, namespace, "again", [down]);
    await cluster.kubectl(["delete", "service", "again", "-n", namespace]);
    await until("Kubernetes has removed the Endpoints", () =>
      cluster.kubectl(["get", "endpoints", "again", "-n", namespace]).then(
        () => false,
        () => true,
      ),
    );
    const before = server.requests;
    await cluster.apply(objects, "-n", namespace);
    await untilOut(cluster, namespace, "again", [down]);
    assert.ok(server.requests > before);
    await server.die();
  });
});
