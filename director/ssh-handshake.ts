import type { Duplex } from "node:stream";
import type { Client, ConnectConfig } from "ssh2";
import { endpoint, type HostConnection } from "../spec";
import { HostKeyError, HostKeyKindError, LoginError, PrivateKeyError, UnreachableError } from "./errors";
import { algorithmsFor, declaredFingerprint, fingerprint, matchesHostKey } from "./host-key";

/** A silent peer is noticed after three of these. */
const KEEPALIVE_MS = 10_000;

/**
 * Verifies the host's key and logs in, on a connection that `connection` describes. When it rejects, nothing is left
 * open.
 *
 * @throws HostKeyError, HostKeyKindError, LoginError, PrivateKeyError, UnreachableError
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
    let agentFault: string | undefined;
    const stop = () => {
      client.off("ready", succeed).off("error", fail).off("close", closed);
    };
    const succeed = () => {
      stop();
      resolve();
    };
    const giveUp = (error: Error) => {
      stop();
      client.destroy();
      transport.sock?.destroy();
      reject(error);
    };
    const fail = (error: Error & { level?: string }) => {
      // One method that failed; ssh2 goes on with the next and says so in the end when none is left.
      if (error.level === "agent") agentFault = error.message;
      else if (!/^Error while signing/.test(error.message)) giveUp(cause(error));
    };
    const cause = (error: Error & { level?: string }) => {
      const declared = connection.hostKey;
      if (presented && /^Host denied/.test(error.message)) {
        const expected = declared ? declaredFingerprint(declared) : "a declared key (there is none)";
        return new HostKeyError(director, place, expected, fingerprint(presented));
      }
      if (declared && /no matching host key format/.test(error.message)) {
        return new HostKeyKindError(director, place, declared.split(" ", 1)[0] ?? "");
      }
      if (error.level === "client-authentication") {
        return new LoginError(director, place, user, authenticationMethods(connection), agentFault);
      }
      return new UnreachableError(director, place, 1, error.message);
    };
    const closed = () => fail(new Error("the host closed the connection"));
    client.once("ready", succeed).on("error", fail).once("close", closed);
    try {
      client.connect(config);
    } catch (error) {
      giveUp(new PrivateKeyError(director, error instanceof Error ? error.message : String(error)));
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
