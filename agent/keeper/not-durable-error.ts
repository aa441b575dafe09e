/** A change could not be taken on, because it could not be made durable. Nothing of it was made. */
export class NotDurableError extends Error {
  constructor(cause: Error) {
    super(cause.message);
    this.name = "NotDurableError";
  }
}
