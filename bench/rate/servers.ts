/** Servers for {@link ./checks}: accepts on every address of this machine, tells its port, and ends with its input. */
import { type AddressInfo, createServer } from "node:net";

const server = createServer((socket) => socket.on("error", () => undefined).destroy());
server.listen({ host: "0.0.0.0", port: 0, backlog: 65_535 }, () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
process.stdin.resume().on("end", () => process.exit(0));
