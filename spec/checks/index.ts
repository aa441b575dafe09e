/**
 * Every kind of check that asks something, under the word that is its type. A new one is one file and one line here, and one
 * file and one line in health/checkers.ts: what may be written, and how it is asked.
 */
export { dnsCheck as dns } from "./dns";
export { httpCheck as http } from "./http";
export { mysqlCheck as mysql } from "./mysql";
export { tcpCheck as tcp } from "./tcp";
