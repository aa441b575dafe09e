import { privateKeyFault } from "../director";
import { type Cluster, type Connection, directorConnection, isRecord } from "../spec";
import { isUnknown } from "./unknown";

/**
 * Private keys of a cluster that nobody could log in with, each once. These are warnings and no problems: a preview that asks
 * no director needs no key, and a CI without access to production may give it any text.
 *
 * @param cluster in normal form, with its credentials; what is not known yet is passed over
 */
export function privateKeyWarnings({ connection, directors }: Partial<Cluster>): string[] {
  if (!Array.isArray(directors) || isUnknown(connection)) return [];
  // To open an encrypted key takes a tenth of a second, and most directors share one.
  const faults = new Map<string, string | undefined>();
  const faultOf = (key: string, passphrase: string | undefined) => {
    const login = JSON.stringify([key, passphrase]);
    if (!faults.has(login)) faults.set(login, privateKeyFault(key, passphrase));
    return faults.get(login);
  };
  const texts = directors.flatMap((one: Cluster["directors"][number], index) => {
    if (isUnknown(one) || isUnknown(one.connection)) return [];
    const whole = directorConnection(connection, one);
    const at = (field: keyof Connection) =>
      one.connection?.[field] === undefined ? "connection" : `directors[${index}].connection`;
    return [
      ...warningsOf(at("privateKey"), whole, faultOf),
      ...(isRecord(whole.proxy) ? warningsOf(`${at("proxy")}.proxy`, whole.proxy, faultOf) : []),
    ];
  });
  return [...new Set(texts)];
}

type Login = Pick<Connection, "privateKey" | "privateKeyPassword">;

function warningsOf(
  path: string,
  { privateKey, privateKeyPassword }: Login,
  faultOf: (key: string, passphrase: string | undefined) => string | undefined,
): string[] {
  if (privateKey === undefined || isUnknown(privateKey) || isUnknown(privateKeyPassword)) return [];
  const fault = faultOf(privateKey, privateKeyPassword);
  return fault === undefined ? [] : [`${path}.privateKey ${fault}: \`pulumi up\` could not log in with it`];
}
