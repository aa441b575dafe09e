import { withCode } from "./errors";
import { InitialisationError, type Properties } from "./handler";
import { structBytes } from "./struct-size";

/**
 * An error reaches the engine in HTTP/2 trailers, and Node's http2 sends none above 64 KiB (`maxSendHeaderBlockLength`):
 * the engine would be told of a broken stream, and nothing of the reason.
 */
const TRAILERS_MAX_BYTES = 60 * 1024;
/** A longer message is shortened: it travels up to three times, and nobody reads 254 directors' reasons for one cause. */
const MESSAGE_MAX_CHARACTERS = 6000;
/** Of it for the last lines, which say what the directors hold now. */
const END_MAX_CHARACTERS = 1500;

/** What the engine is given for an error. */
interface EngineError {
  readonly error: Error;
  /** The whole message, where the engine is told less. */
  readonly whole?: string;
}

/**
 * An error as the engine shows it: the message alone, since a stack of ours helps nobody who reads it. An
 * initialisation failure carries what exists now (`state`); one that is too large to travel becomes a plain error.
 */
export function forEngine(error: unknown, state: (outputs: Properties) => Properties): EngineError {
  const reason = error instanceof InitialisationError ? error.cause : error;
  const whole = reason instanceof Error ? withCode(reason) : String(reason);
  const message = shortened(whole);
  const told = message === whole ? {} : { whole };
  if (!(error instanceof InitialisationError)) return { error: plain(message), ...told };
  const properties = state(error.outputs);
  if (trailersOf(message, properties) > TRAILERS_MAX_BYTES)
    return { error: plain(`${message}\n${tooLarge(error.id)}`), ...told };
  const failure = Object.assign(plain(message), { id: error.id, properties, reasons: [message] });
  return { error: failure, ...told };
}

function plain(message: string): Error {
  return Object.assign(new Error(message), { stack: "" });
}

/** Base64 of what is said twice there and of the state; percent-encoded in the worst case where it stands by itself. */
function trailersOf(message: string, properties: Properties): number {
  const bytes = Buffer.byteLength(message);
  return (
    Math.ceil(((2 * bytes + structBytes(properties)) * 4) / 3) +
    encodeURI(Buffer.from(message).toString()).length
  );
}

function tooLarge(id: string): string {
  return `What exists of ${id} now is too large for Pulumi to keep along with an error: its state does not know of this attempt. Run \`pulumi up\` again: it goes on from what the directors hold.`;
}

/** Whole lines from the beginning and the end; how many are missing is said between them. */
export function shortened(message: string): string {
  if (message.length <= MESSAGE_MAX_CHARACTERS) return message;
  const lines = message.split("\n").map((line) => cut(line, END_MAX_CHARACTERS));
  const end = taken([...lines].reverse(), END_MAX_CHARACTERS).reverse();
  const start = taken(lines.slice(0, lines.length - end.length), MESSAGE_MAX_CHARACTERS - END_MAX_CHARACTERS);
  const missing = lines.length - start.length - end.length;
  return [...start, ...(missing > 0 ? [`  ... and ${missing} more lines`] : []), ...end].join("\n");
}

function taken(lines: readonly string[], characters: number): string[] {
  let left = characters;
  const end = lines.findIndex((line) => {
    left -= line.length + 1;
    return left < 0;
  });
  return lines.slice(0, end < 0 ? lines.length : end);
}

function cut(line: string, characters: number): string {
  return line.length <= characters ? line : `${line.slice(0, characters - 4)} ...`;
}
