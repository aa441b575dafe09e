import type { Site } from "../lab/site";
import { agentPid, answers } from "./agents";
import { KILL } from "./struck";
import { VARIANT, variantText } from "./variant-text";

const PROGRAM = "/var/lib/heye/agent/heye-agent.js";
const COMMAND = "/var/lib/heye/agent/heye-agent";

/** Says whether a director's agent is the variant with this mistake. */
const IS_THERE = `
head -n 1 ${PROGRAM} | grep -q "${VARIANT}" && grep -q "^HEYE_CHAOS_PLANT='$1' exec " ${COMMAND} && echo yes || :`;

/** Input: the variant. What was there is kept under a second name. */
const PUT = `
set -e
head -n 1 ${PROGRAM} | grep -q "${VARIANT}" || ln -f ${PROGRAM} ${PROGRAM}.shipped
cat >${PROGRAM}.new
chmod 600 ${PROGRAM}.new
mv -f ${PROGRAM}.new ${PROGRAM}
sed -i "s|^.*exec |HEYE_CHAOS_PLANT='$1' exec |" ${COMMAND}
${KILL}`;

/** An upgrade has put the shipped one there itself. */
const TAKE_AWAY = `
[ -e ${PROGRAM}.shipped ] || exit 0
mv -f ${PROGRAM}.shipped ${PROGRAM}
sed -i "s|^HEYE_CHAOS_PLANT=.* exec |exec |" ${COMMAND}
${KILL}`;

/** Puts a variant of the agent in its place on directors, and takes it away again. */
export class Variants {
  #text: Promise<string> | undefined;
  /** The mistake that is planted in those that are put from now on; empty: none. */
  plant = "";

  constructor(private readonly site: Site) {}

  /** Sees to it that the agent of a director is the variant; one that is goes on running. */
  async put(director: string): Promise<void> {
    const { site, plant } = this;
    if ((await site.on(director, "sh", "-c", IS_THERE, "sh", plant)).trim() !== "") return;
    this.#text ??= variantText();
    const before = await agentPid(site, director);
    const argv = ["sh", "-c", PUT, "sh", plant];
    const { code, stderr } = await site.lab.exec(director, argv, { stdin: await this.#text });
    if (code !== 0) throw new Error(`a variant could not be put on ${director}: ${stderr}`);
    await answers(site, director, before);
  }

  /** The shipped agent runs again, or will in a moment. */
  async takeAway(director: string): Promise<void> {
    await this.site.on(director, "sh", "-c", TAKE_AWAY);
  }
}
