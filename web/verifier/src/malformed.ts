/** The bytes or text are not in this format. `reason` is a stable code; nothing of the input is repeated. */
export class Malformed extends Error {
  override readonly name = "Malformed";
  readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.reason = reason;
  }
}
