/** Where directors have what is declared: each in a file of its own, or all in one etcd. */
export const STORES = ["file", "etcd"] as const;

/** One of {@link STORES}. */
export type Store = (typeof STORES)[number];
