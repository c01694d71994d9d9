import { join } from "node:path";
import type { SearchResponse } from "@heimdex/contracts/v1/search";
import { findFfmpeg } from "@heimdex/media";
import { Archive } from "../archive.ts";
import type { Context } from "../context.ts";
import { makeFootage } from "../demo/footage.ts";
import { CLIPS, QUESTIONS, type Question } from "../demo/scenario.ts";
import { EXIT_FAILED } from "../exit-code.ts";
import { isWell } from "../job-outcome.ts";
import { rememberSearch } from "../last-search.ts";
import { shellQuoted } from "../player.ts";
import { resultLines } from "../result-lines.ts";
import { runJobs } from "../run-jobs.ts";
import { sourcePath, sourceUri } from "../source-uri.ts";
import { count, printable } from "../ui/text.ts";
import { duration, timecode } from "../ui/time.ts";
import { ask, searchDocument } from "./search.ts";
import { traceLines } from "./trace.ts";

/** Where the demo's data go without --data: never into somebody's own archive, so HEIMDEX_DATA does not count. */
const DEMO_DATA = ".heimdex-demo";
const WORD_CHANNELS = ["spoken", "written", "described", "names", "custom"];

interface Answer {
  readonly question: Question;
  readonly response: SearchResponse;
  /** Results that words alone give. */
  readonly byWords: number;
  readonly right: boolean;
}

/** `demo`: exit code 1 unless every question is answered with the moment planted for it. */
export async function demo(outer: Context, options: { jobs?: number }): Promise<number | undefined> {
  const { HEIMDEX_DATA: _ignored, ...env } = outer.env;
  const context: Context = { ...outer, env };
  const { terminal, signal } = context;
  const began = performance.now();
  await using archive = await Archive.open(context, { needs: "everything", jobs: options.jobs, byDefault: DEMO_DATA });
  const { ffmpeg } = await findFfmpeg(signal);
  const folder = join(archive.root, "footage");
  terminal.note(`Footage: ${count(CLIPS.length, "clip")} in ${printable(folder)}`);
  const paths = await makeFootage(CLIPS, folder, {
    ffmpeg: ffmpeg.path,
    env,
    signal,
    onMake: (name) => terminal.note(`  making ${name}`),
  });
  const outcomes = await runJobs(
    context,
    archive,
    paths.map((path) => ({
      path,
      create: () => archive.call((api) => api.jobs.createJob({ sourceUri: sourceUri(path) })),
    })),
  );
  terminal.line();
  const answers: Answer[] = [];
  for (const question of QUESTIONS) answers.push(await answer(context, archive, question));
  const shown = outcomes.find(({ source }) => source.endsWith(QUESTIONS[0]?.clip ?? "")) ?? outcomes[0];
  const { models } = await archive.call((api) => api.system.getStatus({}));
  const sidecar = shown === undefined ? "" : await sidecarPath(archive, shown.asset);
  if (shown !== undefined) await waterfallOf(context, archive, shown.job, shown.source);
  terminal.line(`Sidecar of ${printable(shown?.source ?? "")}:\n  ${printable(sidecar)}`);
  terminal.line(`Models: the bundled profile (${models.join(", ")})`);
  const well = answers.every(({ right }) => right) && outcomes.every(({ state }) => isWell(state));
  const tookMs = Math.round(performance.now() - began);
  terminal.document({
    ok: well,
    assets: outcomes,
    questions: answers.map(({ question, response, byWords, right }) => ({
      kind: question.kind,
      query: question.query,
      planted: { source: join(folder, question.clip), at_ms: question.atMs },
      right,
      words_alone: byWords,
      answer: searchDocument(response),
    })),
    sidecar,
    models,
    took_ms: tookMs,
  });
  if (!well) {
    terminal.note(
      `${terminal.noteStyle.bad("heimdex:")} the demo did not end as it should (${duration(tookMs)}). next: heimdex doctor, then heimdex logs --data ${printable(archive.root)}`,
    );
    return EXIT_FAILED;
  }
  terminal.line(`${terminal.style.good("All three answers are right")} (${duration(tookMs)}). Try next:`);
  const data = shellQuoted([archive.root]);
  for (const next of [
    `./heimdex --data ${data} search "bridge closed"`,
    `./heimdex --data ${data} open 1`,
    "./heimdex index ~/films",
    './heimdex search "..."',
  ])
    terminal.line(`  ${next}`);
}

/** Asks, shows the best answer, and judges it. */
async function answer(context: Context, archive: Archive, question: Question): Promise<Answer> {
  const { terminal } = context;
  const response = await ask(context, archive, { query: question.query, pageSize: 3 });
  const words = await ask(context, archive, { query: question.query, pageSize: 3, channels: WORD_CHANNELS });
  const best = response.results[0];
  const hit =
    best !== undefined &&
    sourcePath(best.source).endsWith(`/${question.clip}`) &&
    best.startMs <= question.atMs &&
    question.atMs < best.endMs;
  // What is only meant must not be found by words, or it would prove nothing.
  const right = hit && (question.kind !== "meant" || words.results.length === 0);
  await rememberSearch(archive.root, { query: response.query, results: searchDocument(response).results });
  const { style } = terminal;
  terminal.line(
    `${style.bold(`"${question.query}"`)} (${question.kind}${question.kind === "meant" ? `; words alone find ${words.results.length === 0 ? "nothing" : count(words.results.length, "moment")}` : ""})`,
  );
  if (best === undefined) terminal.line("    nothing was found");
  else for (const line of resultLines(1, best, question.query, style)) terminal.line(line);
  const planted = `planted in ${question.clip} at ${timecode(question.atMs)}`;
  terminal.line(
    right
      ? `    ${style.good("right:")} ${planted}`
      : `    ${style.bad("wrong:")} ${planted}${response.degraded ? ` (${printable(response.degradedReason)})` : ""}`,
  );
  terminal.line();
  return { question, response, byWords: words.results.length, right };
}

async function waterfallOf({ terminal }: Context, archive: Archive, job: string, source: string): Promise<void> {
  const found = await archive.call((api) => api.jobs.getTrace({ job }));
  terminal.line(`Where the time of ${printable(source)} went (heimdex trace ${job}):`);
  for (const line of traceLines(found, terminal.columns - 2, terminal.style)) terminal.line(`  ${line}`);
  terminal.line();
}

/** The file of an asset's newest sidecar. */
async function sidecarPath(archive: Archive, asset: string): Promise<string> {
  const { sidecarRevision } = await archive.call((api) => api.assets.getAsset({ asset }));
  return join(archive.platform.folder.blobs, "default", "sidecars", asset, `${sidecarRevision}.json`);
}
