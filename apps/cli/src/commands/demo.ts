import { join } from "node:path";
import type { SearchResponse } from "@heimdex/contracts/v1/search";
import { findFfmpeg } from "@heimdex/media";
import { Archive } from "../archive.ts";
import type { Context } from "../context.ts";
import { checkDemoModels } from "../demo/check-models.ts";
import { makeFootage, makePicture } from "../demo/footage.ts";
import { CLIPS, PICTURE, QUESTIONS, type Question } from "../demo/scenario.ts";
import { type Sights, sightsOf } from "../demo/sights.ts";
import { localOnly } from "../endpoint.ts";
import { EXIT_FAILED } from "../exit-code.ts";
import { type AssetOutcome, isWell } from "../job-outcome.ts";
import { rememberSearch } from "../last-search.ts";
import { shellQuoted } from "../player.ts";
import { queryPicture } from "../query-picture.ts";
import { resultLines } from "../result-lines.ts";
import { runJobs } from "../run-jobs.ts";
import { sidecarText } from "../sidecar-text.ts";
import { sourcePath, sourceUri } from "../source-uri.ts";
import { count, printable } from "../ui/text.ts";
import { duration, timecode } from "../ui/time.ts";
import { ask, searchDocument } from "./search.ts";
import { traceLines } from "./trace.ts";

/** Where the demo's data go without --data: never into somebody's own archive, so HEIMDEX_DATA does not count. */
const DEMO_DATA = ".heimdex-demo";
/** Words of the film itself: said, written or added by people. */
const WORD_CHANNELS = ["spoken", "written", "described", "names", "custom"];
/** What such words alone find would prove nothing about meaning and sight. */
const BEYOND_WORDS: ReadonlySet<Question["kind"]> = new Set(["meant", "seen"]);

interface Answer {
  readonly question: Question;
  readonly response: SearchResponse;
  /** Results that what is said and written gives by itself. */
  readonly byWords: number;
  readonly right: boolean;
}

/** `demo`: exit code 1 unless every question is answered with the moment planted for it. */
export async function demo(outer: Context, options: { jobs?: number }): Promise<number | undefined> {
  localOnly(outer, "demo");
  const { HEIMDEX_DATA: _ignored, ...env } = outer.env;
  const context: Context = { ...outer, env };
  const { terminal, signal } = context;
  const began = performance.now();
  const photograph = await checkDemoModels();
  await using archive = await Archive.open(context, { needs: "everything", jobs: options.jobs, byDefault: DEMO_DATA });
  const { ffmpeg } = await findFfmpeg(signal);
  const folder = join(archive.root, "footage");
  terminal.note(`Footage: ${count(CLIPS.length, "clip")} in ${printable(folder)}`);
  const onMake = (name: string) => terminal.note(`  making ${name}`);
  const making = { ffmpeg: ffmpeg.path, photograph, env, signal, onMake };
  const paths = await makeFootage(CLIPS, folder, making);
  await makePicture(PICTURE, folder, making);
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
  for (const question of QUESTIONS) answers.push(await answer(context, archive, folder, question));
  const sights = await sightsIn(context, archive, outcomes);
  terminal.line(
    `Seen: ${count(sights.faces, "face")} in ${count(sights.faceGroups, "group")} by likeness; things: ${sights.things.join(", ") || "none"}`,
  );
  const shown = outcomes.find(({ source }) => source.endsWith(QUESTIONS[0]?.clip ?? "")) ?? outcomes[0];
  const { models } = await archive.call((api) => api.system.getStatus({}));
  const sidecar = shown === undefined ? "" : await sidecarPath(archive, shown.asset);
  if (shown !== undefined) await waterfallOf(context, archive, shown.job, shown.source);
  terminal.line(`Sidecar of ${printable(shown?.source ?? "")}:\n  ${printable(sidecar)}`);
  terminal.line(`Models: ${models.join(", ")}`);
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
    seen: { faces: sights.faces, face_groups: sights.faceGroups, things: sights.things },
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
  terminal.line(`${terminal.style.good("All five answers are right")} (${duration(tookMs)}). Try next:`);
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
async function answer(context: Context, archive: Archive, folder: string, question: Question): Promise<Answer> {
  const { terminal } = context;
  const { kind, query, through, clip, atMs } = question;
  const byPicture = kind === "alike";
  const asked = byPicture ? { image: await queryPicture(join(folder, query)) } : { query };
  const response = await ask(context, archive, { ...asked, pageSize: 3 });
  const byWords = byPicture
    ? 0
    : (await ask(context, archive, { query, pageSize: 3, channels: WORD_CHANNELS })).results.length;
  const best = response.results[0];
  const right =
    best !== undefined &&
    sourcePath(best.source).endsWith(`/${clip}`) &&
    best.startMs <= atMs &&
    atMs < best.endMs &&
    best.why.some(({ channel }) => channel === through) &&
    (byWords === 0 || !BEYOND_WORDS.has(kind));
  await rememberSearch(archive.root, { query: response.query, results: searchDocument(response).results });
  const { style } = terminal;
  const alone = BEYOND_WORDS.has(kind)
    ? `; what is said and written finds ${byWords === 0 ? "nothing" : count(byWords, "moment")}`
    : "";
  const heading = byPicture ? `A picture, ${printable(join(folder, query))}` : `"${query}"`;
  terminal.line(`${style.bold(heading)} (${kind}${alone})`);
  if (best === undefined) terminal.line("    nothing was found");
  else for (const line of resultLines(1, best, response.query, style)) terminal.line(line);
  const planted = `planted in ${clip} at ${timecode(atMs)}`;
  terminal.line(
    right
      ? `    ${style.good("right:")} ${planted}`
      : `    ${style.bad("wrong:")} ${planted}${response.degraded ? ` (${printable(response.degradedReason)})` : ""}`,
  );
  terminal.line();
  return { question, response, byWords, right };
}

/** What was seen in assets that have a sidecar. */
async function sightsIn({ signal }: Context, archive: Archive, outcomes: readonly AssetOutcome[]): Promise<Sights> {
  const known = outcomes.filter(({ asset, state }) => asset !== "" && isWell(state));
  const texts: string[] = [];
  for (const { asset } of known) texts.push(await sidecarText(archive, asset, 0, signal));
  return sightsOf(texts);
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
  return join(archive.root, "blobs", "default", "sidecars", asset, `${sidecarRevision}.json`);
}
