import type { Box } from "./geometry.ts";
import type { Issue } from "./issue.ts";
import { isLayerKind, LAYER_VERSION, type Layer, type LayerKind, type LayerOf } from "./layers.ts";

/** Bytes of a number in a `vectors` blob. */
const FLOAT_BYTES = 4;
/** What rounding may push a box over the picture's edge. */
const EDGE = 1e-6;

interface Spanned {
  readonly start_ms: number;
  readonly end_ms: number;
  readonly start_pts?: unknown;
  readonly end_pts?: unknown;
  readonly time_base?: unknown;
}

/** Rules of a layer as a whole. Paths begin behind the layer. */
export function layerIssues(layer: Layer): Issue[] {
  const issues: Issue[] = [];
  languageIssue(issues, "/language", layer.language);
  if (!readable(layer)) return issues;
  const ids = new Set<string>();
  let latest = 0;
  for (const [index, { id, start_ms }] of layer.items.entries()) {
    if (ids.has(id))
      issues.push({ path: `/items/${index}/id`, rule: "id-unique", message: `another item is ${id}, too` });
    ids.add(id);
    if (start_ms < latest)
      issues.push({ path: `/items/${index}/start_ms`, rule: "time-order", message: "begins before the item above it" });
    latest = start_ms;
  }
  if (layer.kind === "faces" || layer.kind === "embeddings")
    vectorIssues(issues, layer as LayerOf<"faces" | "embeddings">);
  return issues;
}

/** Rules of each item. Paths begin behind the layer.
 * @param ids of all items of the sidecar, by kind */
export function itemIssues(layer: Layer, ids: ReadonlyMap<string, ReadonlySet<string>>): Issue[] {
  if (!readable(layer)) return [];
  const issues: Issue[] = [];
  for (const [index, item] of (layer.items as readonly Record<string, unknown>[]).entries()) {
    const at = `/items/${index}`;
    spanIssues(issues, at, item as unknown as Spanned);
    languageIssue(issues, `${at}/language`, item.language);
    textIssue(issues, `${at}/text`, item.text);
    if (isLayerKind(layer.kind)) {
      boxIssue(issues, `${at}/box`, item.box as Box | undefined);
      wordIssues(issues, at, item.words as LayerOf<"transcript">["items"][number]["words"]);
      for (const [kind, field, named] of references(layer.kind, item)) {
        if (!ids.get(kind)?.has(named))
          issues.push({ path: `${at}${field}`, rule: "reference", message: `there is no ${named} among the ${kind}` });
      }
    }
  }
  return issues;
}

/** A layer of a newer version is carried, not judged. */
function readable(layer: Layer): boolean {
  return !isLayerKind(layer.kind) ? layer.kind.includes(".") : layer.version <= LAYER_VERSION[layer.kind];
}

function spanIssues(issues: Issue[], at: string, { start_ms, end_ms, start_pts, end_pts, time_base }: Spanned): void {
  if (end_ms < start_ms)
    issues.push({ path: `${at}/end_ms`, rule: "span", message: `${end_ms} lies before the start, ${start_ms}` });
  const given = [start_pts, end_pts, time_base].filter((part) => part !== undefined).length;
  if (given > 0 && given < 3)
    issues.push({ path: at, rule: "pts", message: "`start_pts`, `end_pts` and `time_base` come together" });
  if (typeof start_pts === "number" && typeof end_pts === "number" && end_pts < start_pts)
    issues.push({ path: `${at}/end_pts`, rule: "span", message: `${end_pts} lies before the start, ${start_pts}` });
}

function languageIssue(issues: Issue[], path: string, language: unknown): void {
  if (typeof language !== "string" || isLanguage(language)) return;
  issues.push({ path, rule: "language", message: `${JSON.stringify(language)} is not a BCP-47 tag` });
}

function isLanguage(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch (reason) {
    if (reason instanceof RangeError) return false; // the only way it has to say no
    throw reason;
  }
}

function textIssue(issues: Issue[], path: string, text: unknown): void {
  if (typeof text === "string" && text !== text.normalize("NFC"))
    issues.push({ path, rule: "nfc", message: "is not in Unicode NFC" });
}

function boxIssue(issues: Issue[], path: string, box: Box | undefined): void {
  if (box !== undefined && (box.x + box.w > 1 + EDGE || box.y + box.h > 1 + EDGE))
    issues.push({ path, rule: "box", message: "reaches over the edge of the picture" });
}

function wordIssues(issues: Issue[], at: string, words: LayerOf<"transcript">["items"][number]["words"]): void {
  let latest = 0;
  for (const [index, word] of (words ?? []).entries()) {
    const path = `${at}/words/${index}`;
    spanIssues(issues, path, word);
    textIssue(issues, `${path}/text`, word.text);
    if (word.start_ms < latest)
      issues.push({ path: `${path}/start_ms`, rule: "time-order", message: "begins before the word before it" });
    latest = word.start_ms;
  }
}

/** What an item names by id: kind of the other item, where it names it, its id. */
function references(kind: LayerKind, item: Record<string, unknown>): [LayerKind, string, string][] {
  const list = (field: string, of: LayerKind): [LayerKind, string, string][] =>
    ((item[field] ?? []) as string[]).map((id, index) => [of, `/${field}/${index}`, id]);
  const one = (field: string, of: LayerKind): [LayerKind, string, string][] =>
    typeof item[field] === "string" ? [[of, `/${field}`, item[field]]] : [];
  switch (kind) {
    case "scenes":
      return list("shots", "shots");
    case "keyframes":
      return one("shot", "shots");
    case "text":
      return list("frames", "keyframes");
    case "captions":
      return one("keyframe", "keyframes");
    case "embeddings":
      return item.of === "moment" ? [] : one("item", item.of === "face" ? "faces" : "keyframes");
    default:
      return [];
  }
}

/** Items with vectors need the space and the matrix, and each row is in it. */
function vectorIssues(issues: Issue[], { items, space, vectors }: LayerOf<"faces" | "embeddings">): void {
  const rows = (items as { vector?: number | undefined }[]).flatMap(({ vector }, index) =>
    vector === undefined ? [] : [{ vector, index }],
  );
  if (rows.length === 0) return;
  if (space === undefined)
    issues.push({ path: "/space", rule: "vectors", message: "items have vectors, so their space is named" });
  if (vectors === undefined)
    issues.push({
      path: "/vectors",
      rule: "vectors",
      message: "items have vectors, so the blob that holds them is named",
    });
  if (space === undefined || vectors === undefined) return;
  const rowBytes = space.dimension * FLOAT_BYTES;
  if (vectors.size % rowBytes !== 0) {
    const message = `${vectors.size} bytes are no whole number of rows of ${rowBytes}`;
    issues.push({ path: "/vectors/size", rule: "vectors", message });
    return;
  }
  for (const { vector, index } of rows) {
    if (vector >= vectors.size / rowBytes)
      issues.push({
        path: `/items/${index}/vector`,
        rule: "vectors",
        message: `the blob has ${vectors.size / rowBytes} rows`,
      });
  }
}
