import type { PlaneAnswer } from "../../../director/data";
import { arrange, element, made, say } from "./dom";

/** The directors that share an etcd, by what each says of itself; nothing where this one shares with nobody. */
export function drawCluster(plane: PlaneAnswer | undefined): void {
  element("cluster").hidden = plane === undefined;
  if (!plane) return;
  const newest = Math.max(0, ...plane.directors.map(({ revision }) => revision));
  const alive = `${plane.directors.length} alive, newest revision ${newest}`;
  const said = plane.state === "lost" ? "others are not heard of" : alive;
  say(element("cluster-note"), plane.state === "following" ? said : `${said}; this director: ${plane.state}`);
  const rows = [...plane.directors]
    .sort((a, b) => a.director.localeCompare(b.director))
    .map(({ director, version, revision, down, lost, troubles }) => {
      const isOld = revision < newest;
      const isWrong = isOld || troubles.length > 0;
      const pill = made("span", {
        className: `pill ${isWrong ? "warn" : "good"}`,
        text: isOld ? "old" : isWrong ? "trouble" : "current",
      });
      const cells = [
        made("td", {}, pill),
        made("td", { className: "name", text: director }),
        made("td", { className: "number", text: String(revision) }),
        made("td", { className: "number rare", text: String(down) }),
        made("td", { className: "number rare", text: String(lost) }),
        made("td", { className: "about", text: [version, ...troubles].join(" · ") }),
      ];
      return made("tr", {}, ...cells);
    });
  const body = element("directors");
  const words = rows.map((row) => row.textContent).join("\n");
  if (body.dataset.words !== words) arrange(body, rows);
  body.dataset.words = words;
}
