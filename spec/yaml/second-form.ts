import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import { port, wholeNumber, word } from "../fields";
import { parseVirtualServer } from "../normal";
import { parse } from "../parse";
import type { Problem, PropertyPath } from "../problem";
import { WEIGHT_MAX } from "../real-server";
import { type Declared, type Reading, resourceName } from "./own-form";

const seconds = wholeNumber(1, 3_600);
const text = z.string({ error: "expected text" });

const realServer = z
  .strictObject({
    // A heading in HeYe's files, without a value.
    addresses: z.null({ error: "expected nothing: the address is ip" }).optional(),
    ip: text,
    ports: port,
    weight: wholeNumber(0, WEIGHT_MAX).default(1),
    healthcheck: word(["tcp", "http"]).default("tcp"),
    url: text.optional(),
    nb_get_retry: wholeNumber(0, 99).default(3),
    delay_before_retry: seconds.default(3),
    connect_timeout: seconds.default(2),
  })
  .check(
    z.refine<{ healthcheck: string; url?: string }>(
      ({ healthcheck, url }) => healthcheck !== "http" || url !== undefined,
      {
        path: ["url"],
        error: "expected a path, found nothing: healthcheck is http",
      },
    ),
  );

/** A virtual server as HeYe's second version has it, with that version's defaults. */
const secondForm = z.strictObject({
  kind: word(["service", "Service"]).optional(),
  apiVersion: word(["v1"]).optional(),
  name: resourceName,
  virtual_server: z.strictObject({
    ip: text,
    port,
    delay_loop: seconds.default(3),
    lb_algo: word(["rr", "wrr", "lc", "wlc", "lblc", "sh", "dh"]).default("rr"),
    persistence_timeout: seconds.optional(),
    protocol: word(["tcp", "udp"]).default("tcp"),
  }),
  real_server: z
    .array(realServer, { error: "expected a list of real servers" })
    .min(1, { error: "expected at least one real server" }),
});

type SecondForm = z.output<typeof secondForm>;
type Server = SecondForm["real_server"][number];

/**
 * Reads a document of HeYe's second version (`virtual_server`, `real_server`). Its checks were keepalived's: a server is down
 * after `nb_get_retry` further attempts, and up again after one that succeeds; udp servers were not checked at all.
 */
export function readSecondForm(value: unknown): Reading<Declared> {
  const { value: form, problems } = parse(secondForm, value);
  if (problems.length > 0) return { value: undefined, problems };
  const args = argsOf(form);
  const judged = parseVirtualServer(args).problems.map(({ path, reason }) => ({
    path: placeOf(path),
    reason,
  }));
  if (judged.length > 0) return { value: undefined, problems: judged };
  return { value: { kind: "VirtualServer", name: form.name, args }, problems: [] };
}

function argsOf({ virtual_server: server, real_server: pool }: SecondForm): Record<string, unknown> {
  const checks = pool.map((one) => checkOf(one, server));
  const [first] = checks;
  const isShared = checks.every((one) => isDeepStrictEqual(one, first));
  return {
    protocol: server.protocol,
    address: server.ip,
    port: server.port,
    scheduler: server.lb_algo,
    ...(server.persistence_timeout !== undefined && {
      persistence: { timeoutS: server.persistence_timeout },
    }),
    healthCheck: first,
    realServers: pool.map(({ ip, ports, weight }, index) => ({
      address: ip,
      port: ports,
      weight,
      ...(!isShared && { healthCheck: checks[index] }),
    })),
  };
}

function checkOf(
  server: Server,
  { protocol, delay_loop }: SecondForm["virtual_server"],
): Record<string, unknown> {
  if (protocol === "udp") return { type: "none" };
  const timing = {
    intervalMs: delay_loop * 1_000,
    retryMs: server.delay_before_retry * 1_000,
    timeoutMs: server.connect_timeout * 1_000,
    rise: 1,
    fall: server.nb_get_retry + 1,
  };
  if (server.healthcheck === "tcp") return { type: "tcp", ...timing };
  return { type: "http", method: "GET", path: server.url, ...timing };
}

const SERVER_PLACES: Readonly<Record<string, string>> = {
  address: "ip",
  port: "port",
  scheduler: "lb_algo",
  persistence: "persistence_timeout",
  protocol: "protocol",
  healthCheck: "delay_loop",
};
const MEMBER_PLACES: Readonly<Record<string, string>> = {
  address: "ip",
  port: "ports",
  weight: "weight",
  healthCheck: "healthcheck",
};

/** The place in the document that a problem of our own form is about. */
function placeOf([key = "", index = 0, field = ""]: PropertyPath): Problem["path"] {
  const known = (places: Readonly<Record<string, string>>, name: string | number) => {
    const place = places[name];
    return place === undefined ? [] : [place];
  };
  if (key === "realServers") return ["real_server", index, ...known(MEMBER_PLACES, field)];
  return ["virtual_server", ...known(SERVER_PLACES, key)];
}
