import { hash } from "node:crypto";

/** SHA-256 of a text's UTF-8, in hexadecimal, as sha256sum prints it. */
export function sha256(text: string): string {
  return hash("sha256", text, "hex");
}
