const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What a command on a node finds in its environment. */
export const NODE_ENVIRONMENT = { PATH, HOME: "/root", LANG: "C.UTF-8" } as const;
