/** Who makes each kind of check, under the word that is its type; what may be written of it is in spec/checks. */
export { dnsChecker as dns } from "./dns";
export { httpChecker as http } from "./http";
export { mysqlChecker as mysql } from "./mysql";
export { tcpChecker as tcp } from "./tcp";
