import assert from "node:assert/strict";
import * as fc from "fast-check";
import {
  destinationExtra,
  destinationKey,
  ProcfsSyntaxError,
  parseLimits,
  parseProcfs,
  parseTable,
  parseTraffic,
  readDestinationExtra,
  serviceExtra,
  serviceKey,
  TableSyntaxError,
  withLimits,
} from "../../ipvs";
import {
  countsOf,
  renderConnections,
  renderCounters,
  renderLimits,
  renderProcfs,
  renderSaved,
  trafficOf,
} from "./listings";
import { always, fuzzRuns } from "./property";
import { readServiceExtra } from "./service-options";
import { anyTable, destinationOptions, serviceOptions } from "./tables";

const RUNS = { numRuns: fuzzRuns(500) };

describe("options as ipvsadm writes them", () => {
  for (const protocol of ["tcp", "udp", "sctp", "fwmark"] as const) {
    for (const bits of [32, 128]) {
      it(`of ${protocol} services with addresses of ${bits} bits are read back as they were`, () => {
        always(
          fc.property(serviceOptions(protocol, bits), (options) =>
            assert.deepEqual(readServiceExtra(serviceExtra(options, bits), bits), options),
          ),
          RUNS,
        );
      });
    }
  }

  it("of destinations are read back as they were", () => {
    always(
      fc.property(destinationOptions, (options) =>
        assert.deepEqual(readDestinationExtra(destinationExtra(options)), options),
      ),
      RUNS,
    );
  });

  it("say nothing of what is the default", () => {
    const tunnel = { type: "ipip", checksum: "none" } as const;
    assert.equal(destinationExtra({ tunnel }), "");
    assert.equal(serviceExtra({ onePacket: false, flags: [] }, 32), "");
  });
});

describe("what a director prints besides its table", () => {
  it("/proc/net/ip_vs: every destination with its counts", () => {
    always(
      fc.property(anyTable, (table) => {
        const expected = table.flatMap((service) =>
          service.destinations.map((one, index) => ({
            // Both families of one mark look the same there.
            service: serviceKey(service).replace(/ -6$/, ""),
            destination: destinationKey(one),
            weight: one.weight,
            ...countsOf(index),
          })),
        );
        assert.deepEqual(parseProcfs(renderProcfs(table)), expected);
      }),
      RUNS,
    );
  });

  it("thresholds: they belong to the table that was saved without them", () => {
    always(
      fc.property(anyTable, (table) => {
        const read = withLimits(parseTable(renderSaved(table)), parseLimits(renderLimits(table)));
        const told = read.map((service) => ({
          ...service,
          destinations: service.destinations.map(({ thresholds, ...one }) =>
            thresholds?.upper || thresholds?.lower ? { ...one, thresholds } : one,
          ),
        }));
        assert.deepEqual(told, table);
      }),
      RUNS,
    );
  });

  it("traffic: of every service and destination, exactly", () => {
    always(
      fc.property(anyTable, (table) => {
        const expected = table.map((service, at) => ({
          service: serviceKey(service),
          ...trafficOf(at),
          destinations: service.destinations.map((one, index) => ({
            destination: destinationKey(one),
            weight: one.weight,
            ...countsOf(index),
            persistent: index * 17,
            ...trafficOf(index),
          })),
        }));
        assert.deepEqual(parseTraffic(renderCounters(table), renderConnections(table)), expected);
      }),
      RUNS,
    );
  });

  const readers = [
    ["a table", renderSaved, parseTable],
    ["/proc/net/ip_vs", renderProcfs, parseProcfs],
    ["thresholds", renderLimits, parseLimits],
    ["counters", renderCounters, (text: string) => parseTraffic(text, text)],
    ["connections", renderConnections, (text: string) => parseTraffic(text, text)],
  ] as const;
  for (const [what, render, read] of readers) {
    it(`${what}: damaged output is read or refused, and never breaks the reader`, () => {
      const damaged = fc
        .tuple(anyTable, damages)
        .map(([table, edits]) => edits.reduce(damage, render(table)));
      for (const text of [damaged, fc.string(), fc.string({ unit: "binary" })]) {
        always(
          fc.property(text, (one) => {
            try {
              read(one);
            } catch (error) {
              assert.ok(
                error instanceof TableSyntaxError || error instanceof ProcfsSyntaxError,
                String(error),
              );
            }
          }),
          RUNS,
        );
      }
    });
  }
});

interface Damage {
  readonly kind: "cut" | "drop" | "double" | "insert" | "swap";
  readonly at: number;
  readonly length: number;
  readonly text: string;
}

const damages = fc.array(
  fc.record({
    kind: fc.constantFrom(
      "cut" as const,
      "drop" as const,
      "double" as const,
      "insert" as const,
      "swap" as const,
    ),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.integer({ min: 1, max: 40 }),
    text: fc.oneof(
      fc.constantFrom("\n", " ", "-1", "]", "[", ":", "-6", "99999999999", "__proto__", "\0", "-x", "-M 1.2"),
      fc.string({ maxLength: 5, unit: "binary" }),
    ),
  }),
  { minLength: 1, maxLength: 4 },
);

/** A text as a bad line, a full disk or another program would leave it. */
function damage(text: string, { kind, at, length, text: other }: Damage): string {
  const place = Math.floor(at * text.length);
  const [before, part, after] = [
    text.slice(0, place),
    text.slice(place, place + length),
    text.slice(place + length),
  ];
  const next = {
    cut: before,
    drop: before + after,
    double: before + part + part + after,
    insert: before + other + part + after,
    swap: before + after + part,
  };
  return next[kind];
}
