import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { HeimdexError } from "@heimdex/errors";

const execute = promisify(execFile);
/** Footage of some seconds takes seconds. */
const TIMEOUT_MS = 120_000;

/** A program that is run in one folder, so that no path needs quoting in its arguments. */
export class Program {
  readonly #path: string;
  readonly #folder: string;
  readonly #signal: AbortSignal;
  readonly #before: readonly string[];

  /** @param before arguments of every call */
  constructor(path: string, folder: string, signal: AbortSignal, before: readonly string[] = []) {
    this.#path = path;
    this.#folder = folder;
    this.#signal = signal;
    this.#before = before;
  }

  /** Another program in the same folder. */
  other(path: string): Program {
    return new Program(path, this.#folder, this.#signal);
  }

  /** What it printed on stdout. @throws HeimdexError TOOL_FAILED with its last words */
  async run(args: readonly string[]): Promise<string> {
    try {
      const options = { cwd: this.#folder, signal: this.#signal, timeout: TIMEOUT_MS, maxBuffer: 8 * 1024 ** 2 };
      return (await execute(this.#path, [...this.#before, ...args], options)).stdout;
    } catch (reason) {
      this.#signal.throwIfAborted();
      const said = (reason as { stderr?: string }).stderr?.trim().split("\n").slice(-3).join(" / ");
      throw new HeimdexError("TOOL_FAILED", `${this.#path} failed: ${said || (reason as Error).message}`, {
        cause: reason,
      });
    }
  }
}
