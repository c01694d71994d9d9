import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { crc32, deflateSync } from "node:zlib";
import { pullModels } from "@heimdex/models";
import { type StageLayer, stageLayer } from "@heimdex/sidecar";
import { StageFailure } from "@heimdex/stage-sdk";
import sharp from "sharp";
import { createEmbedImageStage, pictureModels } from "./embed-image-stage.ts";
import type { QueryVector } from "./query-vector.ts";
import { artifact, bytesArtifact, stageContext } from "./testing/stage-context.ts";

const models = pictureModels();
const stage = createEmbedImageStage(models);
before(async () => {
  await pullModels("human-pictures");
});
after(() => models[Symbol.asyncDispose]());

/** A scene of coloured shapes; `seed` says which, `shift` moves them by so many pixels. */
function scene(seed: number, shift = 0) {
  const shapes = Array.from({ length: 12 }, (_, i) => {
    const n = (seed * 7919 + i * 104729) % 9973;
    const [x, y, r] = [(n % 600) + shift, (n * 3) % 340, 20 + (n % 60)];
    const fill = `hsl(${(n * 37) % 360},80%,${30 + (n % 50)}%)`;
    return seed % 2 === 0
      ? `<circle cx="${x}" cy="${y}" r="${r}" fill="${fill}"/>`
      : `<rect x="${x}" y="${y}" width="${r}" height="${r * 2}" fill="${fill}"/>`;
  });
  const ground = `hsl(${(seed * 83) % 360},40%,60%)`;
  return sharp(
    Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="640" height="360">
    <rect width="640" height="360" fill="${ground}"/>${shapes.join("")}</svg>`),
  );
}

function run(pictures: readonly Uint8Array[]) {
  const images = pictures.map(bytesArtifact);
  const items = images.map(({ sha256, size }, i) => ({
    ...{ id: `kf_${i}`, start_ms: i * 1_000, end_ms: (i + 1) * 1_000 },
    ...{ image: { sha256, size, media_type: "image/jpeg" }, width: 640, height: 360 },
  }));
  const keyframes = artifact({ kind: "keyframes", version: 1, items } as unknown as StageLayer<"keyframes">);
  const { context, partials } = stageContext();
  return { done: stage.run({ inputs: { keyframes, images }, config: {}, ...context }), partials };
}

async function ask(request: object): Promise<QueryVector> {
  const answer = await stage.interactive?.(Buffer.from(JSON.stringify(request)), AbortSignal.timeout(60_000));
  return JSON.parse(Buffer.from(answer ?? []).toString("utf8"));
}
const picture = (bytes: Uint8Array) => ({ image: Buffer.from(bytes).toString("base64") });

test("keyframes get vectors in which a picture's likes are nearest, and queries are in the same space", async () => {
  assert.ok((await stage.probe?.(AbortSignal.timeout(60_000)))?.available);
  const jpegs = await Promise.all(
    [1, 2, 3, 4].flatMap((seed) => [scene(seed).jpeg().toBuffer(), scene(seed, 12).jpeg({ quality: 50 }).toBuffer()]),
  );
  const { embeddings, vectors } = await run(jpegs).done;
  const layer = stageLayer.embeddings.parse(embeddings);
  assert.deepEqual(
    layer.items.map(({ of, item, start_ms, end_ms, vector }) => [of, item, start_ms, end_ms, vector]),
    jpegs.map((_, i) => ["keyframe", `kf_${i}`, i * 1_000, (i + 1) * 1_000, i]),
  );
  assert.deepEqual([layer.space?.model, layer.space?.dimension], ["human-pictures", 600]);
  assert.ok(vectors !== undefined && "bytes" in vectors);
  const bytes = vectors.bytes;
  assert.equal(layer.vectors?.sha256, createHash("sha256").update(bytes).digest("hex"));
  const rows = jpegs.map((_, i) => new Float32Array(bytes.buffer, bytes.byteOffset + i * 2_400, 600));
  const cosine = (a: ArrayLike<number>, b: Float32Array) =>
    b.reduce((sum, value, i) => sum + value * (a[i] as number), 0);
  for (const [i, row] of rows.entries()) {
    const others = rows.map((other, j) => (i === j ? -1 : cosine(row, other)));
    assert.equal(others.indexOf(Math.max(...others)), i ^ 1, `the nearest of picture ${i}`);
  }
  const query = await ask(picture(await scene(3).png().toBuffer()));
  assert.deepEqual([query.space, query.model], [layer.space?.id, "human-pictures"]);
  assert.ok(cosine(query.vector, rows[4] as Float32Array) > 0.95);
});

test("keyframes of one picture share its row; one that cannot be read costs itself alone", async () => {
  const jpeg = await scene(1).jpeg().toBuffer();
  const { done, partials } = run([jpeg, jpeg, jpeg.subarray(0, 2_000), await scene(2).jpeg().toBuffer()]);
  const { embeddings } = await done;
  assert.deepEqual(
    embeddings.items.map(({ item, vector }) => [item, vector]),
    [
      ["kf_0", 0],
      ["kf_1", 0],
      ["kf_3", 1],
    ],
  );
  assert.match(partials.join(), /1 of 4 keyframes cannot be read, first kf_2/);
  await assert.rejects(
    run([Buffer.from("no picture")]).done,
    (error) =>
      error instanceof StageFailure && error.kind === "INPUT_REJECTED" && error.reason === "KEYFRAMES_UNREADABLE",
  );
});

test("no keyframes are an empty layer without a blob", async () => {
  const { embeddings, vectors } = await run([]).done;
  assert.deepEqual(embeddings.items, []);
  assert.equal(vectors, undefined);
});

test("words have no vector in a space of pictures alone", async () => {
  assert.deepEqual(await ask({ text: "a red car" }), { space: "", model: "", vector: [] });
});

/** A PNG that announces so many pixels; its data ends early. */
function announcing(width: number, height: number): Buffer {
  const chunk = (name: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(name), data]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    const crc = Buffer.alloc(4);
    crc.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, crc]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.alloc(1_000))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

test("hostile pictures are refused with a reason, odd ones answered, and the service goes on", async () => {
  const whole = await scene(1).jpeg().toBuffer();
  const wide = { create: { width: 40, height: 30, channels: 3, background: "#ff0000" } } as const;
  for (const [name, bytes] of [
    ["cut off", whole.subarray(0, whole.length / 2)],
    ["no picture", Buffer.from("hello")],
    ["SVG", Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>')],
    ["20,000 x 20,000", announcing(20_000, 20_000)],
  ] as const) {
    await assert.rejects(
      ask(picture(bytes)),
      (error) =>
        error instanceof StageFailure && error.kind === "INPUT_REJECTED" && error.reason === "PICTURE_UNREADABLE",
      name,
    );
  }
  const frames = await Promise.all([
    scene(1).resize(64, 64).png().toBuffer(),
    scene(2).resize(64, 64).png().toBuffer(),
  ]);
  for (const [name, bytes] of [
    ["1 x 1", await sharp(wide).resize(1, 1).png().toBuffer()],
    ["CMYK", await sharp(wide).toColourspace("cmyk").jpeg().toBuffer()],
    ["grey with 16 bits", await sharp(wide).toColourspace("grey16").png().toBuffer()],
    [
      "animated",
      await sharp(frames, { join: { animated: true } })
        .webp()
        .toBuffer(),
    ],
    ["a whole one", whole],
  ] as const) {
    assert.equal((await ask(picture(bytes))).vector.length, 600, name);
  }
  for (const request of [{}, { image: "" }, { image: "%%%" }, { text: "a", image: "aGk=" }]) {
    await assert.rejects(
      ask(request),
      (error) => error instanceof StageFailure && error.reason === "REQUEST_INVALID",
      JSON.stringify(request),
    );
  }
});
