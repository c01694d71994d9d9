/** A command line that cannot be meant: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly id = "INVALID_ARGUMENT";
  readonly help: string;

  constructor(message: string, help = "`heimdex --help` shows how commands are called.") {
    super(message);
    this.help = help;
  }
}
