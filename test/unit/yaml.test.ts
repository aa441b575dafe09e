import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT_ROOT } from "../../setup/project";
import { parseVirtualServer } from "../../spec";
import { readConfig, SecretReference } from "../../spec/yaml";
import { readKubernetes } from "../../spec/yaml/first-form";

/** `LINE: REASON` of everything wrong with a file. */
function said(text: string, secrets: readonly string[] = []): string[] {
  return readConfig(text, secrets).problems.map(({ line, reason }) => `${line}: ${reason}`);
}

function saidOfKubernetes(text: string): string[] {
  return readKubernetes(text).problems.map(({ line, reason }) => `${line}: ${reason}`);
}

const OWN = `apiVersion: heye.io/v1
kind: VirtualServer
metadata:
  name: web
spec:
  address: 192.0.2.10
  port: 80
  scheduler: wrr
  healthCheck: { type: http, path: /health }
  realServers:
    - { address: 10.20.1.1, weight: 2 }
    - address: 10.20.1.2
`;

const SECOND = `kind: service
apiVersion: v1
name: lb01
virtual_server:
  ip: 192.0.2.20
  port: 8080
  lb_algo: sh
  persistence_timeout: 150
real_server:
- addresses:
  ip: 10.132.5.53
  ports: 8090
  weight: 3
  healthcheck: http
  url: /index.html
- addresses:
  ip: 10.132.5.54
  ports: 8091
  healthcheck: http
  url: /index.html
  nb_get_retry: 1
  delay_before_retry: 5
  connect_timeout: 4
`;

describe("a YAML file for directors", () => {
  it("says in our own form, word for word, the arguments of a resource", () => {
    const { declared, problems } = readConfig(OWN);
    assert.deepEqual(problems, []);
    assert.deepEqual(declared, [
      {
        kind: "VirtualServer",
        name: "web",
        args: {
          address: "192.0.2.10",
          port: 80,
          scheduler: "wrr",
          healthCheck: { type: "http", path: "/health" },
          realServers: [{ address: "10.20.1.1", weight: 2 }, { address: "10.20.1.2" }],
        },
      },
    ]);
  });

  it("may have real servers as documents of their own", () => {
    const separate = `${OWN.split("  realServers")[0]}---
apiVersion: heye.io/v1
kind: RealServer
metadata: { name: web3 }
spec: { virtualServer: web, address: 10.20.1.3, adopt: true }
`;
    const { declared, problems } = readConfig(separate);
    assert.deepEqual(problems, []);
    assert.deepEqual(declared[1], {
      kind: "RealServer",
      name: "web3",
      virtualServer: "web",
      args: { address: "10.20.1.3", adopt: true },
    });
    const wrong = separate.replace("virtualServer: web,", "virtualServer: shop,");
    assert.deepEqual(said(wrong), [
      '14: spec.virtualServer: expected a VirtualServer of this file, found "shop"',
    ]);
    assert.match(
      said(`${OWN}${separate.slice(separate.indexOf("---"))}`)[0] ?? "",
      /^17: .*without realServers, but web/,
    );
  });

  it("may say once what many have, however many", () => {
    const servers = Array.from(
      { length: 200 },
      (_, host) => `    - { address: 10.20.2.${host}, healthCheck: *check }\n`,
    );
    const text = OWN.replace("{ type: http", "&check { type: http").split("  realServers:")[0];
    const { declared, problems } = readConfig(`${text}  realServers:\n${servers.join("")}`);
    assert.deepEqual(problems, []);
    const { value } = parseVirtualServer(declared[0]?.args);
    const checks = value.realServers?.map(({ healthCheck }) => healthCheck?.type);
    assert.deepEqual(checks, Array(200).fill("http"));
  });

  it("is refused where an alias has no end, no anchor, or stands for too much, by its line", () => {
    const within = said(`${OWN}---\nkind: &k\n  a: [1, *k]\n`);
    assert.deepEqual(within, ["15: expected *k outside of what &k names, found it within: it has no end"]);
    const crossed = said("a: &a\n  b: &b [1]\n  c: *b\n  d: &c { e: [*a] }\nf: *c\n");
    assert.deepEqual(
      crossed.map((one) => one.split(":")[0]),
      ["4"],
    );
    assert.deepEqual(said("a: 1\nb: *later\nc: &later 2\n"), [
      "2: expected an anchor &later before its alias *later, found none",
    ]);
    const tens = Array.from(
      { length: 9 },
      (_, at) => `b${at}: &a${at + 1} [${Array(10).fill(`*a${at}`).join()}]\n`,
    );
    assert.deepEqual(said(`a: &a0 [${Array(10).fill("x").join()}]\n${tens.join("")}`), [
      "6: expected aliases that stand for at most 200000 values, found more with *a4",
    ]);
  });

  it("leaves secrets to the program", () => {
    const text = OWN.replace(
      "{ type: http, path: /health }",
      "{ type: mysql, user: heye, password: !secret db }",
    );
    assert.deepEqual(said(text, ["db"]), []);
    const [web] = readConfig(text, ["db"]).declared;
    assert.deepEqual(web?.args.healthCheck, {
      type: "mysql",
      user: "heye",
      password: new SecretReference("db"),
    });
    assert.deepEqual(said(text, ["other"]), [
      '9: spec.healthCheck.password: expected a name among those of secrets (other), found "db"',
    ]);
  });

  it("means in the form of HeYe's second version what that version did", () => {
    const { declared, problems } = readConfig(SECOND);
    assert.deepEqual(problems, []);
    const [one] = declared;
    assert.equal(one?.name, "lb01");
    const { value } = parseVirtualServer(one?.args);
    assert.equal(value.scheduler, "sh");
    assert.equal(value.persistence?.timeoutS, 150);
    const checks = value.realServers?.map(({ healthCheck }) => healthCheck);
    const [first, second] = checks ?? [];
    assert.ok(first?.type === "http" && second?.type === "http");
    assert.deepEqual([first.path, first.method, first.rise, first.fall], ["/index.html", "GET", 1, 4]);
    assert.deepEqual([first.intervalMs, first.retryMs, first.timeoutMs], [3_000, 3_000, 2_000]);
    assert.deepEqual([second.fall, second.retryMs, second.timeoutMs], [2, 5_000, 4_000]);
    assert.deepEqual(
      value.realServers?.map(({ address, port, weight, forwarding }) => [address, port, weight, forwarding]),
      [
        ["10.132.5.53", 8090, 3, "nat"],
        ["10.132.5.54", 8091, 1, "nat"],
      ],
    );
  });

  it("has in that form rr and tcp by default, one check where all are alike, and none for udp", () => {
    const bare = `name: a
virtual_server: { ip: 192.0.2.1, port: 53 }
real_server: [{ ip: 10.0.0.1, ports: 53 }, { ip: 10.0.0.2, ports: 53 }]
`;
    const [one] = readConfig(bare).declared;
    assert.deepEqual([one?.args.scheduler, one?.args.protocol], ["rr", "tcp"]);
    assert.equal(
      one?.args.realServers && (one.args.realServers as object[]).some((server) => "healthCheck" in server),
      false,
    );
    const [udp] = readConfig(bare.replace("port: 53 }\n", "port: 53, protocol: udp }\n")).declared;
    assert.deepEqual([udp?.args.protocol, udp?.args.healthCheck], ["udp", { type: "none" }]);
  });

  it("tells everything that is wrong, with its line and what is known", () => {
    const wrong = OWN.replace("scheduler: wrr", "schedular: wrr")
      .replace("weight: 2", "weight: -2")
      .replace("port: 80", "port: 70000");
    const problems = said(wrong);
    assert.equal(problems.length, 3, problems.join("\n"));
    assert.match(problems[0] ?? "", /^7: spec\.port: expected a whole number from 0 to 65535, found 70000$/);
    assert.match(
      problems[1] ?? "",
      /^8: spec\.schedular: no such property; expected .*scheduler, schedulerFlags/,
    );
    assert.match(
      problems[2] ?? "",
      /^11: spec\.realServers\[0\]\.weight: expected a whole number from 0 to 65535, found -2$/,
    );
  });

  it("tells it of HeYe's second form by that form's names", () => {
    const wrong = SECOND.replace("lb_algo: sh", "lb_algo: best")
      .replace("10.132.5.54", "10.132.5.53")
      .replace("ports: 8091", "ports: 8090")
      .replace("weight: 3", "wieght: 3");
    const fields = said(wrong);
    assert.match(fields[0] ?? "", /^7: virtual_server\.lb_algo: expected one of rr, wrr, .*found "best"$/);
    assert.match(
      fields[1] ?? "",
      /^13: real_server\[0\]\.wieght: no such property; expected addresses, ip, ports/,
    );
    const twice = said(SECOND.replace("10.132.5.54", "10.132.5.53").replace("ports: 8091", "ports: 8090"));
    assert.equal(twice.length, 1, twice.join("\n"));
    assert.match(twice[0] ?? "", /^16: real_server\[1\]: expected each server once/);
    assert.match(
      said(SECOND.replace("  ip: 192.0.2.20", "  ip: 300.0.2.20"))[0] ?? "",
      /^5: virtual_server\.ip: expected an IPv4/,
    );
    assert.match(
      said(SECOND.replace("  url: /index.html\n", ""))[0] ?? "",
      /real_server\[0\]\.url: expected a path, found nothing/,
    );
  });

  it("is refused where names meet, where it is no YAML, and where a document is for somebody else", () => {
    assert.match(
      said(`${OWN}---\n${OWN}`)[0] ?? "",
      /^14: expected each name once, but VirtualServer web is in line 1 too$/,
    );
    assert.match(said("a: 1\na: 2\n")[0] ?? "", /^2: Map keys must be unique$/);
    assert.match(said("kind: Service\napiVersion: v1\n")[0] ?? "", /pulumi-heye\/kubernetes/);
    assert.match(said("hello: world\n")[0] ?? "", /^1: expected apiVersion heye\.io\/v1.*, found neither$/);
    assert.match(said("apiVersion: heye.io/v2\n")[0] ?? "", /, found apiVersion "heye\.io\/v2"$/);
    assert.deepEqual(said(""), ["1: expected at least one document, found none"]);
  });

  it("shows no line that cannot be read: it may hold a secret", () => {
    assert.doesNotMatch(said("password: 's3cret\n").join("\n"), /s3cret/);
  });
});

const FIRST = readFileSync(join(PROJECT_ROOT, "examples", "kubernetes", "shop.yaml"), "utf8");

describe("a YAML file of HeYe's first version", () => {
  it("is Services and Endpoints as they stand in it", () => {
    const { documents, problems } = readKubernetes(FIRST);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      documents.map(({ kind, namespace, name }) => [kind, namespace, name]),
      [
        ["Service", "shop", "shop"],
        ["Endpoints", "shop", "shop"],
      ],
    );
  });

  it("is refused with a line for a wrong annotation, an unknown key and a port that the Service does not have", () => {
    const wrong = FIRST.replace("healthCheckType: http", "healthCheckType: icmp").replace(
      "  ports:\n  - port: 9090",
      "  prots: 1\n  ports:\n  - port: 9090",
    );
    const problems = saidOfKubernetes(wrong);
    assert.equal(problems.length, 2, problems.join("\n"));
    assert.match(
      problems[0] ?? "",
      /metadata\.annotations\.healthCheckType: expected one of http, tcp, mysql, found "icmp"$/,
    );
    assert.match(
      problems[1] ?? "",
      /subsets\[0\]\.prots: no such property; expected addresses, notReadyAddresses, ports$/,
    );
    for (const problem of problems) {
      const [line = ""] = problem.split(":");
      assert.match(wrong.split("\n")[Number(line) - 1] ?? "", /icmp|prots/);
    }
    const names = saidOfKubernetes(FIRST.replace("name: ss-tcp", "name: web"));
    assert.match(names[0] ?? "", /expected the name of a port of the Service shop \(web\), found ss-tcp$/);
  });

  it("needs both annotations, or ours", () => {
    const without = FIRST.replace(/calledSource: .*/, "note: none").replace(/ {4}healthCheckType: .*\n/, "");
    assert.equal(saidOfKubernetes(without).length, 2);
    const ours = FIRST.replace(/calledSource: .*/, `heye.io/health-check: '{"type":"tcp"}'`).replace(
      / {4}healthCheckType: .*\n/,
      "",
    );
    assert.deepEqual(saidOfKubernetes(ours), []);
  });

  it("has no Service whose servers Kubernetes finds by itself, and no document for directors", () => {
    const selecting = FIRST.replace("spec:\n", "spec:\n  selector: { app: shop }\n");
    assert.match(saidOfKubernetes(selecting)[0] ?? "", /spec\.selector: no such property/);
    assert.match(
      saidOfKubernetes(SECOND)[0] ?? "",
      /^1: kind: expected Service or Endpoints, found a document for directors/,
    );
  });
});
