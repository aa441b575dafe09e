import type { Duplex } from "node:stream";
import type { Client, ConnectConfig } from "ssh2";
import { endpoint, type HostConnection } from "../spec";
import { HostKeyError, LoginError, PrivateKeyError, UnreachableError } from "./errors";
import { algorithmsFor, fingerprint, matchesHostKey } from "./host-key";

/** A silent peer is noticed after three of these. */
const KEEPALIVE_MS = 10_000;

/**
 * Verifies the host's key and logs in, on a connection that `connection` describes.
 *
 * @throws HostKeyError, LoginError, PrivateKeyError, UnreachableError
 */
export function handshake(
  client: Client,
  director: string,
  connection: HostConnection,
  transport: { sock: Duplex | undefined; readyTimeout: number },
): Promise<void> {
  const place = endpoint(connection.host, connection.port ?? 22);
  const user = connection.user ?? "root";
  let presented: Buffer | undefined;
  const config: ConnectConfig = {
    host: connection.host,
    port: connection.port ?? 22,
    username: user,
    password: connection.password,
    privateKey: connection.privateKey,
    passphrase: connection.privateKeyPassword,
    agent: connection.agentSocketPath,
    sock: transport.sock as ConnectConfig["sock"],
    readyTimeout: transport.readyTimeout,
    keepaliveInterval: KEEPALIVE_MS,
    algorithms: { serverHostKey: algorithmsFor(connection.hostKey) as never },
    hostVerifier: (key: Buffer) => {
      presented = key;
      if (!connection.hostKey) return connection.insecureIgnoreHostKey === true;
      return matchesHostKey(connection.hostKey, key);
    },
  };
  return new Promise((resolve, reject) => {
    const fail = (error: Error & { level?: string }) => {
      if (presented && /verification failed/i.test(error.message)) {
        const expected = connection.hostKey ?? "a declared key (there is none)";
        reject(new HostKeyError(director, place, expected, fingerprint(presented)));
      } else if (error.level === "client-authentication") {
        reject(new LoginError(director, place, user, authenticationMethods(connection)));
      } else reject(new UnreachableError(director, place, 1, error.message));
    };
    client.once("ready", resolve);
    client.on("error", fail);
    client.once("close", () => fail(new Error("the host closed the connection")));
    try {
      client.connect(config);
    } catch (error) {
      reject(new PrivateKeyError(director, error instanceof Error ? error.message : String(error)));
    }
  });
}

function authenticationMethods(connection: HostConnection): string {
  const methods = [
    connection.privateKey && "privateKey",
    connection.password && "password",
    connection.agentSocketPath && "agentSocketPath",
  ];
  return methods.filter(Boolean).join(", ") || "none";
}
