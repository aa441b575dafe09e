import { deepEqual, equal } from "node:assert/strict";
import { type Block, retold } from "../../agent/netlink/retold";
import { readTableText } from "../../director/table-text";
import { serviceKey } from "../../ipvs";

/** A table of which little has changed is not read anew, and is what it would be if it were. */
describe("a table that is told again", () => {
  const block = (service: number, weights: readonly number[], scheduler = "wrr"): Block => [
    `-A -t 192.0.2.${service}:80 -s ${scheduler}`,
    ...weights.map((weight, at) => `-a -t 192.0.2.${service}:80 -r 198.51.100.${at + 1}:80 -m -w ${weight}`),
  ];
  const many = Array.from({ length: 40 }, (_, at) => block(at + 1, [1, 2]));
  const [first = [], second = [], ...others] = many;
  const read = (blocks: readonly Block[]) => readTableText(blocks.flat().sort());
  const neverAll = (): never => {
    throw new Error("all of it is read");
  };

  function same(gone: readonly Block[], come: readonly Block[], now: readonly Block[]): void {
    const told = retold(read(many), gone, come, neverAll);
    const anew = read(now);
    deepEqual(told.lines, anew.lines);
    const byKey = (one: typeof anew) =>
      [...one.table].sort((a, b) => serviceKey(a).localeCompare(serviceKey(b)));
    deepEqual(byKey(told), byKey(anew));
  }

  it("is the same text where nothing has changed", () => {
    const text = read(many);
    equal(retold(text, [], [], neverAll), text);
  });

  it("has another weight", () => {
    const changed = block(1, [1, 0]);
    same([first], [changed], [changed, second, ...others]);
  });

  it("has servers that came, and others that left", () => {
    const changed = block(1, [5, 6, 7]);
    const emptied = block(2, []);
    same([first, second], [changed, emptied], [changed, emptied, ...others]);
  });

  it("has another scheduler, which is in the virtual server's own line", () => {
    const changed = block(1, [1, 2], "mh -b mh-port");
    same([first], [changed], [changed, second, ...others]);
  });

  it("has a virtual server that came in the place of another", () => {
    const another = block(77, [1]);
    same([first], [another], [another, second, ...others]);
  });

  it("has one more, or one less", () => {
    const another = block(77, [1]);
    same([], [another], [...many, another]);
    same([first], [], [second, ...others]);
  });

  it("is read anew where it was not known, where all has changed, and where it was empty", () => {
    const anew = read(others);
    deepEqual(
      retold(undefined, [], others, () => others),
      anew,
    );
    deepEqual(
      retold(read(many), many, others, () => others),
      anew,
    );
    deepEqual(
      retold(read([]), [], [first], () => [first]),
      read([first]),
    );
  });
});
