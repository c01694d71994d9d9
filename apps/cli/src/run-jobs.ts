import { relative } from "node:path";
import type { Job } from "@heimdex/contracts/v1/job";
import { HeimdexError } from "@heimdex/errors";
import type { Archive } from "./archive.ts";
import { concurrently } from "./concurrently.ts";
import type { Context } from "./context.ts";
import { followJob } from "./follow-job.ts";
import { type AssetOutcome, outcomeOf } from "./job-outcome.ts";
import { JobBoard } from "./progress/job-board.ts";
import { isUri } from "./source-uri.ts";
import { paintState } from "./ui/state.ts";
import { count, printable } from "./ui/text.ts";
import { duration } from "./ui/time.ts";
import type { UploadProgress } from "./upload-film.ts";

/** Jobs are made by so many calls at a time: each is a write to disk, and writes of one moment share theirs. */
const CREATED_AT_ONCE = 16;
/** Jobs are watched so many at a time; the others wait behind them anyway. */
const WATCHED_AT_ONCE = 32;
/** Why work may be paused is looked at this often. */
const STATUS_EVERY_MS = 3_000;

/** A job to be made and seen to its end. */
export interface JobToRun {
  /** Path of the file, or its URI. */
  readonly path: string;
  /** Makes the job; may be called twice.
   * @param progress shows that its file is brought to the server first */
  readonly create: (progress: UploadProgress) => Promise<Job>;
}

/** Makes jobs, shows how they get on, and prints a line for each as it ends. Answers in the order given. One that cannot be made does not stop the others.
 * @param createdAtOnce made side by side */
export async function runJobs(
  context: Context,
  archive: Archive,
  jobs: readonly JobToRun[],
  createdAtOnce = CREATED_AT_ONCE,
): Promise<AssetOutcome[]> {
  const { terminal, signal } = context;
  using board = new JobBoard(terminal);
  board.expect(jobs.length);
  using _watch = watchPause(archive, board, signal);
  const created = await concurrently(jobs, createdAtOnce, signal, async ({ path, create }) => {
    const name = shownName(path);
    try {
      const job = await create((what, done, total) => board.transfer(name, what, done, total));
      board.update(name, job);
      return job.job;
    } catch (reason) {
      signal.throwIfAborted();
      const outcome = unmade(path, reason);
      printOutcome(context, outcome, HeimdexError.from(reason).help);
      return outcome;
    } finally {
      board.transferred(name);
    }
  });
  try {
    return await concurrently(created, WATCHED_AT_ONCE, signal, async (job, at) => {
      if (typeof job !== "string") return job;
      const path = jobs[at]?.path ?? "";
      const ended = await followJob(archive, job, (now) => board.update(shownName(path), now), signal);
      board.update(shownName(path), ended);
      const outcome = { ...outcomeOf(ended), source: path };
      board.done(job);
      printOutcome(context, outcome, helpOf(ended));
      return outcome;
    });
  } catch (reason) {
    if (signal.aborted) sayWhatStays(context, archive, created.filter((job) => typeof job === "string").length);
    throw reason;
  }
}

function sayWhatStays({ terminal }: Context, archive: Archive, made: number): void {
  const { host, address } = archive.platform;
  const where = address.pid === 0 ? `at ${address.grpc}` : `in process ${address.pid}`;
  terminal.note(
    host === undefined
      ? `heimdex: stopped watching; ${count(made, "job")} go on ${where}. Watch them again: heimdex watch. Stop them: heimdex cancel JOB`
      : `heimdex: stopping; what is not done stays in ${archive.root} and goes on with the next command: heimdex watch (Ctrl-C again stops at once)`,
  );
}

/** A file for which no job could be made. */
export function unmade(path: string, reason: unknown): AssetOutcome {
  const error = HeimdexError.from(reason);
  return {
    asset: "",
    source: path,
    job: "",
    state: "FAILED",
    reason: `${error.id}: ${error.message}`,
    duration_ms: 0,
    wall_ms: 0,
    stages: [],
  };
}

/** One asset's end, for people: its state, and for each problem which stage, why, and what to do. */
export function printOutcome({ terminal }: Context, outcome: AssetOutcome, help: string): void {
  const { style } = terminal;
  const name = printable(shownName(outcome.source));
  const took = outcome.wall_ms > 0 ? `  ${duration(outcome.wall_ms)}` : "";
  const cached = outcome.stages.filter(({ state }) => state === "CACHED").length;
  const known =
    outcome.stages.length > 0 && cached > 0
      ? `  ${cached === outcome.stages.filter(({ state }) => state !== "SKIPPED").length ? "all" : cached} cached`
      : "";
  terminal.line(
    `${paintState(outcome.state, style)}  ${style.bold(name)}${style.dim(`${took}${known}${outcome.asset === "" ? "" : `  ${outcome.asset}`}`)}`,
  );
  // A result that is usable but not whole says why, as a failure does; that there was nothing to find is no problem.
  const problems = outcome.stages.filter(
    ({ state, reason }) => state === "FAILED" || (state !== "SKIPPED" && /^(?!EMPTY:)[A-Z][A-Z0-9_]*: /.test(reason)),
  );
  for (const { stage, state, reason } of problems)
    terminal.line(`    ${stage} ${paintState(state, style)}  ${printable(reason)}`);
  if (problems.length === 0 && outcome.reason !== "") terminal.line(`    ${printable(outcome.reason)}`);
  if (help !== "") terminal.line(`    ${style.bold("next:")} ${printable(help)}`);
}

/** The job's own advice, else that of the first stage which failed. */
function helpOf(job: Job): string {
  return job.help !== ""
    ? job.help
    : (job.steps.find(({ state, help }) => state === "FAILED" && help !== "")?.help ?? "");
}

/** Relative where that is shorter. */
function shownName(path: string): string {
  if (isUri(path)) return path;
  const here = relative(process.cwd(), path);
  return here !== "" && here.length < path.length ? here : path;
}

/** Says on the board why nothing moves, such as a full disk. */
function watchPause(archive: Archive, board: JobBoard, signal: AbortSignal): Disposable {
  const stop = new AbortController();
  const timer = setInterval(async () => {
    try {
      const { pausedReason } = await archive.call((api) => api.system.getStatus({}, { signal: stop.signal }));
      board.notice(pausedReason === "" ? "" : `paused: ${printable(pausedReason)}`);
    } catch (reason) {
      if (!(reason instanceof HeimdexError) && !stop.signal.aborted && !signal.aborted) throw reason;
      // Only a notice: who follows the jobs says what is wrong with the host.
    }
  }, STATUS_EVERY_MS);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      stop.abort();
    },
  };
}
