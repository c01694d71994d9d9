import assert from "node:assert/strict";
import { test } from "node:test";
import { checkSidecar } from "./check-sidecar.ts";
import { docsFile, exampleSidecar, setAt } from "./testing.ts";

const at = (kind: string) => `/layers/${exampleSidecar().layers.findLastIndex((layer) => layer.kind === kind)}`;
const [shots, scenes, keyframes, transcript] = [at("shots"), at("scenes"), at("keyframes"), at("transcript")];
const [text, faces, captions, embeddings] = [at("text"), at("faces"), at("captions"), at("embeddings")];
const custom = at("org.example.loudness");

/** Fact, what is set where, the rule it breaks, and where (default: where it was set). */
const broken: readonly [string, string, unknown, string, string?][] = [
  ["two runs of one id", "/runs/11/id", "run_media.probe", "run-unique"],
  ["a layer of no run", `${shots}/run`, "run_gone", "run-exists"],
  ["a skipped run that does not say why", "/runs/11/reason", undefined, "run-reason"],
  ["a failed run with an empty reason", "/runs/12/reason", "", "run-reason"],
  ["a layer of a failed run", `${custom}/run`, "run_org.example.logos", "run-status"],
  ["an EMPTY run that found something", "/runs/3/status", "EMPTY", "run-status", `${scenes}/run`],
  ["an OK run that found nothing", "/runs/1/status", "OK", "run-status", "/layers/0/run"],
  ["a source that is not listed", "/asset/source", "file:///elsewhere.mp4", "source-listed"],
  ["a time without an offset", "/written_at", "2026-11-22T10:00:00", "timestamp"],
  ["a day that is none", "/runs/0/started_at", "2026-13-45T10:00:00Z", "timestamp"],
  ["a date alone", "/asset/sources/0/modified_at", "2026-11-22", "timestamp"],
  ["a recording time that is none", "/media/created_at", "yesterday", "timestamp"],
  ["two items of one id", `${custom}/items/1/id`, exampleSidecar().layers.at(-1)?.items[0]?.id, "id-unique"],
  ["items out of order", `${custom}/items/2/start_ms`, 500, "time-order"],
  ["words out of order", `${transcript}/items/0/words/2/start_ms`, 13_000, "time-order"],
  ["an item that ends before it begins", `${text}/items/1/end_ms`, 41_599, "span"],
  ["a custom item that ends before it begins", `${custom}/items/1/end_ms`, 999, "span"],
  ["a word that ends before it begins", `${transcript}/items/0/words/1/end_ms`, 13_000, "span"],
  ["timestamps that end before they begin", `${shots}/items/1/end_pts`, 0, "span"],
  ["timestamps without a time base", `${shots}/items/1/time_base`, undefined, "pts", `${shots}/items/1`],
  ["a time base alone", `${text}/items/0/time_base`, { num: 1, den: 25 }, "pts", `${text}/items/0`],
  ["a scene of a shot that is not there", `${scenes}/items/0/shots/1`, "shot_gone", "reference"],
  ["a keyframe of a shot that is not there", `${keyframes}/items/2/shot`, "shot_gone", "reference"],
  ["a text on a keyframe that is not there", `${text}/items/0/frames/0`, "kf_gone", "reference"],
  ["a caption of a keyframe that is not there", `${captions}/items/1/keyframe`, "kf_gone", "reference"],
  ["vectors without a space", `${embeddings}/space`, undefined, "vectors"],
  ["vectors without a matrix", `${embeddings}/vectors`, undefined, "vectors"],
  ["faces' vectors without a matrix", `${faces}/vectors`, undefined, "vectors"],
  ["a matrix cut off in a row", `${embeddings}/vectors/size`, 1199, "vectors"],
  ["a row beyond the matrix", `${embeddings}/items/2/vector`, 3, "vectors"],
  ["a box over the right edge", `${text}/items/0/box/w`, 0.8, "box", `${text}/items/0/box`],
  ["a box over the lower edge", `${faces}/items/0/box/h`, 0.9, "box", `${faces}/items/0/box`],
  ["a layer's language that is none", `${transcript}/language`, "en_US!", "language"],
  ["an item's language that is none", `${text}/items/0/language`, "", "language"],
  ["text that is not NFC", `${text}/items/1/text`, "MA\u030ARTEN", "nfc"],
  ["a word that is not NFC", `${transcript}/items/0/words/0/text`, "e\u0301", "nfc"],
  ["a document without layers", "/layers", undefined, "schema"],
  ["an asset without a fingerprint", "/asset/fingerprint", undefined, "schema"],
  ["a stream of no kind", "/media/streams/1/type", "smell", "schema"],
];
for (const [fact, path, value, rule, where = path] of broken) {
  test(`checkSidecar: ${fact}`, () => {
    const whole = setAt(exampleSidecar(), path, value);
    const issues = checkSidecar(whole);
    assert.deepEqual(
      issues.map((issue) => [issue.rule, issue.path]),
      [[rule, where]],
    );
    const [, part, index] = where.split("/");
    if (part === "layers" && index !== undefined)
      assert.equal(issues[0]?.run, (whole.layers[Number(index)] as { run?: string } | undefined)?.run);
  });
}

test("checkSidecar: an embedding of a face or keyframe that is not there", () => {
  for (const subject of ["face", "keyframe"]) {
    const whole = exampleSidecar();
    setAt(whole, `${embeddings}/items/0/of`, subject);
    setAt(whole, `${embeddings}/items/0/item`, "gone");
    assert.deepEqual(
      checkSidecar(whole).map(({ rule, path }) => [rule, path]),
      [["reference", `${embeddings}/items/0/item`]],
    );
  }
});

test("checkSidecar: what stands in another layer of the same kind may be named", () => {
  const whole = exampleSidecar();
  const layer = structuredClone(whole.layers[1]) as (typeof whole.layers)[number];
  for (const item of layer.items) item.id = `other_${item.id}`;
  whole.layers.push({ ...layer, run: "run_media.scenes" });
  setAt(whole, `${scenes}/items/0/shots/0`, layer.items[0]?.id);
  assert.deepEqual(checkSidecar(whole), []);
});

test("checkSidecar: many faults are all named, in order of place", () => {
  const whole = setAt(setAt(exampleSidecar(), `${text}/items/1/end_ms`, 0), "/written_at", "now");
  assert.deepEqual(
    checkSidecar(whole).map(({ path }) => path),
    ["/written_at", `${text}/items/1/end_ms`],
  );
});

test("checkSidecar: whatever it is given, it answers", () => {
  for (const value of [undefined, null, 7, "sidecar", [], {}, { layers: [null] }])
    assert.notEqual(checkSidecar(value).length, 0, JSON.stringify(value));
});

test("checkSidecar: a pointer escapes what is special in it", () => {
  const whole = setAt(exampleSidecar(), "/media/tags", { "a/b~c": 7 });
  assert.deepEqual(
    checkSidecar(whole).map(({ path }) => path),
    ["/media/tags/a~1b~0c"],
  );
});

test("the page lists the rules that are tested here, and no others", () => {
  const page = docsFile("sidecar-schema.md");
  const table = page.slice(page.indexOf("## What no schema says"), page.indexOf("## Every type and field"));
  const listed = [...table.matchAll(/^\| (`.*?) \|/gm)].flatMap((row) =>
    [...(row[1] ?? "").matchAll(/`([a-z-]+)`/g)].map((rule) => rule[1]),
  );
  const tested = new Set(broken.map(([, , , rule]) => rule).filter((rule) => rule !== "schema"));
  assert.deepEqual(listed.sort(), [...tested].sort());
});
