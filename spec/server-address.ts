import { address } from "./fields";

/** An address that a server on the network can have. */
export const serverAddress = address({
  unspecified: "it belongs to no host",
  broadcast: "it belongs to a whole network, a server is one host",
  multicast: "it belongs to a group, a server is one host",
  loopback: "packets to it never leave the director",
  linkLocalIPv6:
    "a link-local address needs an interface, and IPVS cannot keep one: use a global or unique local one",
});
