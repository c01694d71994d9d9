import type { Job } from "@heimdex/contracts/v1/job";
import type { Terminal } from "../ui/terminal.ts";
import { bytes, cutStart, printable, width } from "../ui/text.ts";
import { timeLeft } from "../ui/time.ts";
import { changeLines, jobLines } from "./job-lines.ts";
import { JobProgress, jobEnded } from "./job-progress.ts";
import { timeLeftMs } from "./time-left.ts";

const REDRAW_MS = 200;

/** Shows how jobs get on: bars that are redrawn in place where stderr is a terminal, a line for each change elsewhere. */
export class JobBoard implements Disposable {
  readonly #terminal: Terminal;
  readonly #now: () => number;
  readonly #sinceMs: number;
  readonly #jobs = new Map<string, JobProgress>();
  readonly #done = new Set<string>();
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #transfers = new Map<string, string>();
  #total: number | undefined;
  #notice = "";

  /** @param now ms; default: a clock that never jumps */
  constructor(terminal: Terminal, now: () => number = () => performance.now()) {
    this.#terminal = terminal;
    this.#now = now;
    this.#sinceMs = now();
    if (terminal.live !== undefined) {
      this.#timer = setInterval(() => this.draw(), REDRAW_MS);
      this.#timer.unref();
    }
  }

  /** How many jobs there will be, where that is known before all are added. */
  expect(total: number): void {
    this.#total = total;
  }

  /** Something about all of them, such as why work is paused; "" takes it away. */
  notice(text: string): void {
    if (text !== "" && text !== this.#notice && this.#terminal.live === undefined) this.#terminal.note(text);
    this.#notice = text;
  }

  update(name: string, job: Job): void {
    const known = this.#jobs.get(job.job);
    const before = new Map((known?.job.steps ?? []).map((step) => [step.stage, step.state]));
    const progress = known ?? new JobProgress(name, job, this.#now());
    progress.update(job, this.#now());
    this.#jobs.set(job.job, progress);
    if (this.#terminal.live === undefined) for (const line of changeLines(before, progress)) this.#terminal.note(line);
  }

  /** A file is read for its digest, or sent to the server. */
  transfer(name: string, what: "reading" | "sending", done: number, total: number): void {
    const share = total === 0 ? 1 : done / total;
    const isNew = this.#transfers.get(name)?.startsWith(what) !== true;
    if (isNew && this.#terminal.live === undefined) this.#terminal.note(`${printable(name)}  ${what} ${bytes(total)}`);
    this.#transfers.set(name, `${what} ${bytes(done)} of ${bytes(total)} (${Math.floor(share * 100)} %)`);
  }

  /** It is no more. */
  transferred(name: string): void {
    this.#transfers.delete(name);
  }

  /** The job needs no more attention. */
  done(job: string): void {
    this.#done.add(job);
    this.draw();
  }

  /** Draws anew; does nothing where nothing can be redrawn. */
  draw(): void {
    const { live, noteStyle } = this.#terminal;
    if (live === undefined) return;
    const { columns, rows } = live.size;
    const nowMs = this.#now();
    const shown = [...this.#jobs.values()].filter(({ job }) => !this.#done.has(job.job) && job.state !== "QUEUED");
    const transfers = [...this.#transfers].map(
      ([name, text]) =>
        `${noteStyle.bold(cutStart(printable(name), columns - width(text) - 3))}  ${noteStyle.dim(text)}`,
    );
    const render = (compact: boolean) =>
      shown.flatMap((progress) => jobLines(progress, nowMs, columns, noteStyle, compact));
    const whole = [...transfers, ...render(false)];
    const room = rows - 3;
    const lines = whole.length <= room ? whole : [...transfers, ...render(true)];
    live.show([...lines.slice(0, room), noteStyle.bold(this.#summary(nowMs))]);
  }

  #summary(nowMs: number): string {
    const jobs = [...this.#jobs.values()];
    const total = this.#total ?? jobs.length;
    const failed = jobs.filter(({ job }) => job.state === "FAILED" || job.state === "PARTIAL").length;
    const left = timeLeftMs(jobs, this.#sinceMs, nowMs, Math.max(0, total - jobs.length));
    const waiting = jobs.some(({ job }) => !jobEnded(job));
    return [
      `${this.#done.size} of ${total} done`,
      ...(failed > 0 ? [`${failed} with problems`] : []),
      ...(waiting && left !== undefined ? [`${timeLeft(left)} left`] : []),
      ...(this.#notice === "" ? [] : [this.#notice]),
    ].join(" · ");
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#terminal.live?.close();
  }
}
