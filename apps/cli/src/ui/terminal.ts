import { LiveView } from "./live-view.ts";
import { PLAIN, type Style, styleFor } from "./style.ts";

/** The output side of a process: `process.stdout` has it. */
export interface OutputStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

/** Where a command prints. Results go to stdout; progress, notes and errors to stderr. With `--json` stdout gets one document and nothing else. */
export class Terminal {
  readonly json: boolean;
  /** For stdout. */
  readonly style: Style;
  /** For stderr. */
  readonly noteStyle: Style;
  readonly #stdout: OutputStream;
  readonly #stderr: OutputStream;
  readonly #live: LiveView | undefined;
  #documented = false;

  constructor(options: {
    readonly json: boolean;
    readonly stdout: OutputStream;
    readonly stderr: OutputStream;
    readonly env: NodeJS.ProcessEnv;
  }) {
    this.json = options.json;
    this.#stdout = options.stdout;
    this.#stderr = options.stderr;
    this.style = this.json ? PLAIN : styleFor(options.stdout, options.env);
    this.noteStyle = styleFor(options.stderr, options.env);
    if (options.stderr.isTTY === true && options.env.TERM !== "dumb") this.#live = new LiveView(options.stderr);
  }

  /** Columns of stdout; 100 where it is no terminal. */
  get columns(): number {
    return this.#stdout.isTTY === true ? (this.#stdout.columns ?? 80) : 100;
  }

  /** Somebody looks at results as they come. */
  get interactive(): boolean {
    return this.#stdout.isTTY === true;
  }

  /** Lines that can be redrawn on stderr; undefined where it is no terminal. */
  get live(): LiveView | undefined {
    return this.#live;
  }

  /** A line of the result for people; nothing with `--json`. */
  line(text = ""): void {
    if (!this.json) this.#above(() => this.#stdout.write(`${text}\n`));
  }

  /** The result for programs; nothing without `--json`. Once per command. */
  document(value: unknown): void {
    if (!this.json) return;
    if (this.#documented) throw new Error("a command prints one document");
    this.#documented = true;
    this.#stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
  }

  /** Whether the document has been printed. */
  get documented(): boolean {
    return this.#documented;
  }

  /** Text that goes to stdout as it is, `--json` or not: documents that are JSON themselves. */
  raw(text: string): void {
    this.#documented = true;
    this.#stdout.write(text);
  }

  /** A line beside the result: progress, hints, problems. */
  note(text = ""): void {
    this.#above(() => this.#stderr.write(`${text}\n`));
  }

  #above(print: () => void): void {
    if (this.#live === undefined) print();
    else this.#live.above(print);
  }
}
