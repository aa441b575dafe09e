/** Passes connections on, byte for byte. */
import { connect, type Server, type Socket } from "node:net";

/** Every connection that `server` accepts goes to `host:port` as seen from this process; both ends close together. */
export function relay(server: Server, host: string, port: number): void {
  server.on("connection", (client: Socket) => {
    const upstream = connect({ host, port, noDelay: true, allowHalfOpen: true });
    client.setNoDelay(true);
    client.allowHalfOpen = true;
    client.pipe(upstream).pipe(client);
    // An error on one side is shown on the other as what it is, a reset, not as an orderly end.
    client.on("error", () => upstream.resetAndDestroy());
    upstream.on("error", () => client.resetAndDestroy());
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
  });
}
