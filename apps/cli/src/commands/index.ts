import { randomUUID } from "node:crypto";
import type { HeimdexError } from "@heimdex/errors";
import { Archive } from "../archive.ts";
import type { Context } from "../context.ts";
import { EXIT_FAILED } from "../exit-code.ts";
import { type AssetOutcome, isWell } from "../job-outcome.ts";
import { findMedia } from "../media-files.ts";
import { type JobToRun, printOutcome, runJobs, unmade } from "../run-jobs.ts";
import { findServerFilms } from "../server-films.ts";
import { isUri, sourceUri } from "../source-uri.ts";
import { count } from "../ui/text.ts";
import { duration } from "../ui/time.ts";
import { uploadFilm } from "../upload-film.ts";

export interface IndexOptions {
  readonly reread?: boolean;
  readonly priority: number;
  readonly jobs?: number;
}

/** Films are sent to a server so many at a time: they share a line. */
const UPLOADED_AT_ONCE = 2;

/** `index` */
export async function index(
  context: Context,
  paths: readonly string[],
  options: IndexOptions,
): Promise<number | undefined> {
  const { terminal, signal, endpoint } = context;
  const began = performance.now();
  const found = await findMedia(
    paths.filter((path) => !isUri(path)),
    signal,
  );
  const uris = paths.filter(isUri);
  const outcomes = found.flatMap(({ path, problem }) =>
    problem === undefined ? [] : [refused(context, path, problem)],
  );
  const files = found.filter(({ problem }) => problem === undefined);
  if (files.length + uris.length > 0) {
    const batch = randomUUID();
    await using archive = await Archive.open(context, { needs: "everything", jobs: options.jobs });
    const films = await findServerFilms(context, archive, uris);
    for (const { path, problem } of films) if (problem !== undefined) outcomes.push(refused(context, path, problem));
    const isUploaded = endpoint !== undefined && files.length > 0;
    if (isUploaded) sayWhatIsUploaded(context, endpoint.address, files.length);
    const sources = films.filter(({ problem }) => problem === undefined);
    const jobs = [
      ...files.map(({ path }) => jobFor(context, archive, path, batch, options)),
      ...sources.map(({ path }) => jobFor(context, archive, path, batch, options)),
    ];
    outcomes.push(...(await runJobs(context, archive, jobs, isUploaded ? UPLOADED_AT_ONCE : undefined)));
    const order = new Map([...found, ...films].map(({ path }, at) => [path, at]));
    outcomes.sort((a, b) => (order.get(a.source) ?? 0) - (order.get(b.source) ?? 0));
  }
  terminal.document({ assets: outcomes });
  const states = ["SUCCEEDED", "PARTIAL", "FAILED", "CANCELLED"] as const;
  const sums = states
    .map((state) => [outcomes.filter((outcome) => outcome.state === state).length, state] as const)
    .filter(([n]) => n > 0);
  if (outcomes.length > 1)
    terminal.line(
      `${count(outcomes.length, "file")}: ${sums.map(([n, state]) => `${n} ${state}`).join(", ")} (${duration(performance.now() - began)})`,
    );
  return outcomes.every(({ state }) => isWell(state)) ? undefined : EXIT_FAILED;
}

function refused(context: Context, path: string, problem: HeimdexError): AssetOutcome {
  const outcome = unmade(path, problem);
  printOutcome(context, outcome, problem.help);
  return outcome;
}

function sayWhatIsUploaded({ terminal }: Context, address: string, files: number): void {
  terminal.note(
    `heimdex: ${count(files, "file")} of this machine ${files === 1 ? "goes" : "go"} to ${address}, unless it has the same bytes already; the server's own files are named by file:///`,
  );
}

/** A file of this machine is brought to a gateway elsewhere first. */
function jobFor(
  context: Context,
  archive: Archive,
  path: string,
  batch: string,
  { reread, priority }: IndexOptions,
): JobToRun {
  // The same id at a repeated call: a lost answer is no second job.
  const requestId = randomUUID();
  const isLocal = context.endpoint === undefined || isUri(path);
  return {
    path,
    create: async (progress) => {
      const uri = isLocal ? sourceUri(path) : await uploadFilm(context, archive, path, progress);
      const request = { sourceUri: uri, requestId, batch, priority, reread: reread === true };
      return archive.call((api) => api.jobs.createJob(request));
    },
  };
}
