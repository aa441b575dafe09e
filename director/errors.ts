/**
 * Everything that can go wrong with a director, one class per cause: with its agent, with checks that are made from it, with
 * the host itself, on the way to it, with its kernel's settings, and with its table.
 */
export * from "./errors/agent";
export * from "./errors/checks";
export * from "./errors/director-error";
export * from "./errors/host";
export * from "./errors/reaching";
export * from "./errors/settings";
export * from "./errors/table";
