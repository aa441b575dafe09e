/** What was to be read of the log has been removed meanwhile, or never was whole. The message says what. */
export class GoneError extends Error {}
