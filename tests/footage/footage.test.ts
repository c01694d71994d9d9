/** With real footage, which is not part of the project: `make test-footage FOOTAGE=FOLDER`. The folder holds bottle-detection.mp4, car-detection.mp4 and
 * one-by-one-person-detection.mp4 of intel-iot-devkit/sample-videos (CC BY 4.0), somebody speaking English (jfk.wav of whisper.cpp), and in `signing/`
 * clips of one person before a wall, so that there are ten clips at least. */
import assert from "node:assert/strict";
import { join, relative, resolve } from "node:path";
import { test } from "node:test";
import { FolderBlobs } from "@heimdex/adapters-folder";
import { LAYER_KINDS, layersOf, readSidecar } from "@heimdex/sidecar";
import { ffmpeg, folder, host, json, start } from "../cli/heimdex.fixture.ts";
import { indexShape, searchShape } from "../cli/shapes.fixture.ts";
import { isRetake, isSeen, LABELLED } from "./labels.ts";
import { cosine, facesOf, keyframesOf, nearestOfSameClip, type Sight } from "./sights.ts";

/** A clip's minutes may take as long, on a machine with other things to do. */
const INDEX_TIMEOUT_MS = 30 * 60_000;
/** Where in a clip frames are taken to search by, as parts of its length. */
const QUERY_FRAMES = [0.2, 0.5, 0.8];
/** Of 100 frames so many have to be nearest to one of their own clip. */
const NEAREST_PERCENT = 80;
/** Of 100 labelled seconds a label has to be right about so many. The bundled detector is modest. */
const SECONDS_PERCENT = 75;

test("real footage: all is indexed, every layer is filled, what is seen is found where it can be seen", async (t) => {
  const named = process.env.HEIMDEX_FOOTAGE ?? "";
  assert.notEqual(named, "", "name the folder: make test-footage FOOTAGE=FOLDER");
  const footage = resolve(named);
  const own = await folder(t);
  const data = join(own, "archive");
  const at = (...args: string[]) => ["--data", data, ...args];

  const indexed = await start(t, ["--json", ...at("index", footage)], { timeoutMs: INDEX_TIMEOUT_MS }).ended;
  const { assets } = indexShape.parse(JSON.parse(indexed.stdout));
  assert.deepEqual(
    assets.filter(({ state }) => state !== "SUCCEEDED"),
    [],
  );
  assert.equal(indexed.code, 0);

  await host(t, data);
  const clipOf = (source: string) => relative(footage, source);
  const films = await Promise.all(
    assets.map(async ({ asset, source }) => ({
      clip: clipOf(source),
      source,
      sidecar: readSidecar((await start(t, at("sidecar", asset)).ended).stdout),
    })),
  );
  const search = async (...args: string[]) => searchShape.parse((await json(t, ...at("search", ...args))).document);

  await t.test("each kind of layer is filled somewhere, or left out with its reason", () => {
    const filled = LAYER_KINDS.filter((kind) =>
      films.some(({ sidecar }) => layersOf(sidecar, kind).some(({ items }) => items.length > 0)),
    );
    assert.deepEqual(
      LAYER_KINDS.filter((kind) => !filled.includes(kind)),
      ["captions"],
    );
    for (const { clip, sidecar } of films) {
      const describing = sidecar.runs.find(({ stage }) => stage === "vision.describe");
      assert.equal(describing?.status, "SKIPPED", clip);
      assert.match(describing?.reason ?? "", /^NO_MODEL: |^NO_VIDEO: /, clip);
    }
  });

  for (const labelled of LABELLED) {
    await t.test(
      `search ${labelled.query}: first comes a clip that shows it, at an instant where it can be seen`,
      async () => {
        const [best] = (await search(labelled.query)).results;
        assert.ok(best !== undefined, "nothing was found");
        const shown = `${clipOf(best.source)} at ${best.at_ms} ms`;
        assert.ok(best.start_ms <= best.at_ms && best.at_ms < best.end_ms, shown);
        assert.equal(isSeen(labelled, { clip: clipOf(best.source), ms: best.at_ms }), true, shown);
      },
    );
  }

  await t.test("search --image: a frame finds its own clip first, or a retake", async (t) => {
    const seen = films.filter(({ sidecar }) => layersOf(sidecar, "keyframes").some(({ items }) => items.length > 0));
    assert.ok(seen.length >= 10, `${seen.length} clips with pictures are too few to tell`);
    const wrong: string[] = [];
    let retakes = 0;
    for (const { clip, source, sidecar } of seen) {
      for (const part of QUERY_FRAMES) {
        const picture = join(own, "frame.jpg");
        const second = String(((sidecar.media?.duration_ms ?? 0) * part) / 1000);
        await ffmpeg("-ss", second, "-i", source, "-frames:v", "1", "-vf", "scale=320:-2", "-q:v", "8", picture);
        const [best] = (await search("--image", picture)).results;
        const found = best === undefined ? "nothing" : clipOf(best.source);
        if (!isRetake(found, clip)) wrong.push(`${clip} at ${second} s: ${found}`);
        else if (found !== clip) retakes += 1;
      }
    }
    const asked = seen.length * QUERY_FRAMES.length;
    t.diagnostic(
      `of ${asked} frames of ${seen.length} clips ${asked - retakes - wrong.length} find their clip, ${retakes} a retake; ${wrong.join("; ")}`,
    );
    assert.ok((asked - wrong.length) * 100 >= asked * NEAREST_PERCENT, wrong.join("; "));
  });

  const blobs = await FolderBlobs.open(join(data, "blobs"));

  await t.test("keyframes: the nearest other keyframe is of the same clip", async (t) => {
    const keyframes: Sight[] = [];
    for (const { clip, sidecar } of films) keyframes.push(...(await keyframesOf(clip, sidecar, blobs)));
    const { right, of } = nearestOfSameClip(keyframes);
    t.diagnostic(`${right} of ${of} keyframes whose clip has several, among ${keyframes.length}`);
    assert.ok(right * 100 >= of * NEAREST_PERCENT, `${right} of ${of}`);
  });

  await t.test("faces: one person in two clips is nearer than any two people", async (t) => {
    const faces: Sight[] = [];
    for (const { clip, sidecar } of films)
      if (clip.startsWith("signing")) faces.push(...(await facesOf(clip, sidecar, blobs)));
    const pairs = faces.flatMap((a, at) => faces.slice(at + 1).map((b) => ({ a, b, cosine: cosine(a, b) })));
    const [same, two] = [true, false].map((one) => pairs.filter(({ a, b }) => isRetake(a.clip, b.clip) === one));
    assert.ok(same?.length && two?.length, `${faces.length} faces`);
    const [least, most] = [Math.min(...same.map((each) => each.cosine)), Math.max(...two.map((each) => each.cosine))];
    t.diagnostic(
      `${faces.length} faces: ${same.length} pairs of one person from ${least.toFixed(2)} on, ${two.length} of two people up to ${most.toFixed(2)}`,
    );
    assert.ok(least > most);
  });

  await t.test(
    "objects: a label covers the seconds where the thing can be seen, and not those where it cannot",
    (t) => {
      const wrong: string[] = [];
      let looked = 0;
      for (const { query, clip, seenAtSeconds, notSeenAtSeconds } of LABELLED) {
        const sidecar = films.find((film) => film.clip === clip)?.sidecar;
        const items = sidecar === undefined ? [] : layersOf(sidecar, "objects").flatMap((layer) => layer.items);
        for (const second of [...seenAtSeconds, ...notSeenAtSeconds]) {
          const found = items.some(
            ({ label, start_ms, end_ms }) => label === query && start_ms <= second * 1000 && second * 1000 < end_ms,
          );
          looked += 1;
          if (found !== seenAtSeconds.includes(second)) wrong.push(`${query} at ${second} s`);
        }
      }
      t.diagnostic(`${looked - wrong.length} of ${looked} seconds; wrong: ${wrong.join(", ")}`);
      assert.ok((looked - wrong.length) * 100 >= looked * SECONDS_PERCENT, wrong.join(", "));
    },
  );
});
