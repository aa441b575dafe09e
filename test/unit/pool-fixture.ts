import type { Member } from "../../director";

/** One cluster's virtual server, as the tests of changes to it declare and read it. */
export const ME = { id: "me-1", label: "shop/prod Cluster edge" };
export const KEY = "tcp 192.0.2.1:80";
export const IDENTITY = { protocol: "tcp", address: "192.0.2.1", port: 80 } as const;
export const NONE = { type: "none" } as const;

export const server = (last: number): Member => ({
  address: `10.0.0.${last}`,
  port: 80,
  weight: 1,
  forwarding: "nat",
});

/** The table with these servers in it. */
export const text = (...lasts: number[]): string =>
  `-A -t 192.0.2.1:80 -s rr\n${lasts.map((last) => `-a -t 192.0.2.1:80 -r 10.0.0.${last}:80 -m -w 1\n`).join("")}`;
