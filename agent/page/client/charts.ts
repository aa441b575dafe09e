const SPACE = "http://www.w3.org/2000/svg";
const WIDTH = 100;
const HEIGHT = 20;

function svg<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Record<string, string>,
): SVGElementTagNameMap[Tag] {
  const one = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) one.setAttribute(name, value);
  return one;
}

/** A curve of the last values, the newest at the right. */
export class Curve {
  readonly node = svg("svg", {
    class: "curve",
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: "none",
    role: "img",
  });
  readonly #ground = svg("path", { class: "ground" });
  readonly #line = svg("path", { class: "line" });

  /** @param what it shows, for those who do not see it */
  constructor(private readonly what: string) {
    this.node.append(this.#ground, this.#line);
    this.node.setAttribute("aria-label", what);
  }

  /** @param length of a whole curve: one that is shorter begins later */
  draw(values: readonly number[], length: number, words: string): void {
    const most = Math.max(1, ...values);
    const step = WIDTH / (length - 1);
    const at = (value: number, index: number) =>
      `${(WIDTH - (values.length - 1 - index) * step).toFixed(2)} ${(HEIGHT - 1 - (value / most) * (HEIGHT - 2)).toFixed(2)}`;
    const points = values.map(at).join(" L");
    const left = (WIDTH - (values.length - 1) * step).toFixed(2);
    this.#line.setAttribute("d", values.length > 1 ? `M${points}` : "");
    this.#ground.setAttribute(
      "d",
      values.length > 1 ? `M${left} ${HEIGHT} L${points} L${WIDTH} ${HEIGHT} Z` : "",
    );
    this.node.setAttribute("aria-label", `${this.what}: ${words}`);
  }
}

const SHOWN = 20;

/** The last checks of a server as bars: high where it passed, low where it failed, hollow where nothing was learnt. */
export class Strip {
  readonly node = svg("svg", {
    class: "strip",
    viewBox: `0 0 ${SHOWN * 5} 16`,
    role: "img",
    "aria-label": "no checks yet",
  });
  #drawn = "";

  /** @param recent a sign for each check: `+`, `-`, `?`; the newest at the end */
  draw(recent: string): void {
    if (recent === this.#drawn) return;
    this.#drawn = recent;
    const first = SHOWN - recent.length;
    const bars = [...recent].map((sign, index) => {
      const x = String((first + index) * 5);
      if (sign === "+") return svg("rect", { class: "ok", x, y: "2", width: "3.5", height: "12" });
      if (sign === "-") return svg("rect", { class: "failed", x, y: "9", width: "3.5", height: "6" });
      return svg("rect", { class: "unknown", x, y: "5", width: "3", height: "6" });
    });
    this.node.replaceChildren(...bars);
    const count = (sign: string) => recent.split(sign).length - 1;
    const words = [
      `${count("+")} passed`,
      `${count("-")} failed`,
      ...(recent.includes("?") ? [`${count("?")} could not be made`] : []),
    ];
    this.node.setAttribute(
      "aria-label",
      recent === "" ? "no checks yet" : `last ${recent.length} checks: ${words.join(", ")}`,
    );
  }
}
