/**
 * Servers for {@link ./checks}: accepts on every address of this machine, and answers whatever is asked by HTTP where it is
 * told to. Tells its port, and ends with its input.
 */
import { type AddressInfo, createServer } from "node:net";

const ANSWER = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

const isHttp = process.argv[2] === "http";
const server = createServer((socket) => {
  socket.on("error", () => undefined);
  if (isHttp) socket.once("data", () => socket.end(ANSWER));
  else socket.destroy();
});
server.listen({ host: "0.0.0.0", port: 0, backlog: 65_535 }, () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
process.stdin.resume().on("end", () => process.exit(0));
