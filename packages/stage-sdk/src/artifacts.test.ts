import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Artifact, Finish } from "@heimdex/contracts/stage/v1/work_service";
import { bytes, defineStage, type InputArtifact, many, neighbours, optional } from "./index.ts";
import { note, serve } from "./serve.fixture.ts";

const BIG = randomBytes(300_000);
const sha256 = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");

/** A stage of bytes whose `run` is given by the test. */
function bytesStage(run: (input: InputArtifact, scratch: string) => Promise<object>) {
  const data = bytes("application/octet-stream", "org.example.data");
  return defineStage({
    name: "org.example.bytes",
    version: "1.0.0",
    behaviour: 1,
    description: "From bytes to bytes.",
    inputs: { data, more: optional(data), files: neighbours() },
    outputs: {
      data,
      more: optional(data),
      list: optional(many(bytes("image/jpeg", "org.example.list"))),
      note: optional(note),
    },
    run: async ({ inputs, scratch }) => (await run(inputs.data, scratch)) as { data: { bytes: Uint8Array } },
  });
}

function outputsOf(finish: Finish): Artifact[] {
  if (finish.outcome?.$case === "failed") assert.fail(finish.outcome.value.message);
  assert.equal(finish.outcome?.$case, "completed");
  return finish.outcome.value.outputs;
}

function failureOf(finish: Finish) {
  assert.equal(finish.outcome?.$case, "failed");
  return finish.outcome.value;
}

const done = { data: { bytes: Buffer.from("ok") } };

for (const way of ["inline", "remote", "path"] as const) {
  test(`an input that came ${way} can be read, opened as a file and by its location`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "sdk-test-"));
    t.after(() => rm(folder, { recursive: true }));
    const path = join(folder, "data");
    await writeFile(path, BIG);
    const got: Record<string, unknown> = {};
    const stage = bytesStage(async (input, scratch) => {
      got.read = sha256(await input.read());
      const file = await input.file();
      got.file = sha256(await readFile(file));
      got.inScratch = file.startsWith(scratch);
      got.path = input.path;
      got.located = input.location === path || sha256(Buffer.from(await (await fetch(input.location)).arrayBuffer()));
      await assert.rejects(input.json(), /is bytes, not JSON/);
      return done;
    });
    const { server } = await serve(t, [stage]);
    const input = way === "path" ? server.local("data", BIG, path) : server[way]("data", BIG);
    outputsOf(await server.finished(server.offer({ stage: stage.name, inputs: [input] })));
    const digest = sha256(BIG);
    const local = way === "path";
    assert.deepEqual(got, {
      read: digest,
      file: digest,
      inScratch: !local,
      path: local ? path : undefined,
      located: local ? true : digest,
    });
    assert.equal(server.httpRequests.length, way === "remote" ? 3 : 0);
  });
}

test("a download that breaks off is taken up where it broke", async (t) => {
  const stage = bytesStage(async (input) => {
    assert.equal(sha256(await readFile(await input.file())), sha256(BIG));
    return done;
  });
  const { server } = await serve(t, [stage]);
  server.cutAfterBytes = 100_000;
  outputsOf(await server.finished(server.offer({ stage: stage.name, inputs: [server.remote("data", BIG)] })));
  const ranges = server.httpRequests.map(({ range }) => range);
  assert.equal(ranges.length, 2);
  assert.equal(ranges[0], undefined);
  assert.match(ranges[1] ?? "", /^bytes=[1-9]\d*-$/);
});

for (const way of ["read", "file"] as const) {
  test(`${way}() of bytes that are not what the plan was made with rejects with INPUT_CHANGED`, async (t) => {
    const stage = bytesStage(async (input) => {
      await input[way]();
      return done;
    });
    const { server } = await serve(t, [stage]);
    const input = { ...server.remote("data", BIG), sha256: sha256(Buffer.from("other")) };
    const failed = failureOf(await server.finished(server.offer({ stage: stage.name, inputs: [input] })));
    assert.deepEqual([failed.kind, failed.reason], ["INPUT_REJECTED", "INPUT_CHANGED"]);
    assert.equal(server.httpRequests.length, 2);
  });
}

test("a path whose size has changed rejects with INPUT_CHANGED", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "sdk-test-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "data");
  await writeFile(path, BIG.subarray(1));
  const stage = bytesStage(async (input) => ({ data: { file: await input.file() } }));
  const { server } = await serve(t, [stage]);
  const lease = server.offer({ stage: stage.name, inputs: [server.local("data", BIG, path)] });
  assert.equal(failureOf(await server.finished(lease)).reason, "INPUT_CHANGED");
});

test("an input that is gone is INPUT_UNAVAILABLE, without asking for it again and again", async (t) => {
  const stage = bytesStage(async (input) => ({ data: { bytes: await input.read() } }));
  const { server } = await serve(t, [stage]);
  const input = server.remote("data", BIG);
  server.files.clear();
  const failed = failureOf(await server.finished(server.offer({ stage: stage.name, inputs: [input] })));
  assert.deepEqual([failed.kind, failed.reason], ["RETRYABLE", "INPUT_UNAVAILABLE"]);
  assert.equal(server.httpRequests.length, 1);
});

test("optional and listed inputs may be absent; listed ones keep their order and names", async (t) => {
  const seen: unknown[] = [];
  const data = bytes("application/octet-stream", "org.example.data");
  const stage = defineStage({
    name: "org.example.lists",
    version: "1.0.0",
    behaviour: 1,
    description: "Looks at lists.",
    inputs: { data: optional(data), files: neighbours() },
    outputs: { data },
    async run({ inputs }) {
      seen.push(
        inputs.data,
        await Promise.all(inputs.files.map(async (file) => [file.name, Buffer.from(await file.read()).toString()])),
      );
      return done;
    },
  });
  const { server } = await serve(t, [stage]);
  outputsOf(await server.finished(server.offer({ stage: stage.name })));
  const files = ["film.en.srt", "film.de.srt"].map((name) => ({
    ...server.inline("files", Buffer.from(name.slice(5, 7))),
    name,
  }));
  outputsOf(await server.finished(server.offer({ stage: stage.name, inputs: files })));
  assert.deepEqual(seen, [
    undefined,
    [],
    undefined,
    [
      ["film.en.srt", "en"],
      ["film.de.srt", "de"],
    ],
  ]);
});

test("a required input that the lease lacks fails the attempt, not the worker", async (t) => {
  const stage = bytesStage(async () => done);
  const { server } = await serve(t, [stage]);
  assert.match(
    failureOf(await server.finished(server.offer({ stage: stage.name }))).message,
    /0 artifacts on input data/,
  );
});

test("small outputs travel inline, large ones are uploaded from memory or file, lists keep their order", async (t) => {
  const pictures = Array.from({ length: 5 }, (_, at) => Buffer.alloc(at % 2 === 0 ? 70_000 : 10, at));
  const stage = bytesStage(async (_, scratch) => {
    const file = join(scratch, "out");
    await writeFile(file, BIG);
    const small = join(scratch, "small");
    await writeFile(small, "small");
    return {
      data: { file, mediaType: "video/mp4" },
      more: { file: small },
      list: pictures.map((bytes) => ({ bytes })),
      note: { text: "b", a: 1 },
    };
  });
  const { server } = await serve(t, [stage]);
  const lease = server.offer({ stage: stage.name, inputs: [server.inline("data", Buffer.from("x"))] });
  const outputs = outputsOf(await server.finished(lease));
  const bytesOf = ({ content }: Artifact) =>
    content?.$case === "inline" ? content.value : server.uploaded.get(`${lease.lease}/${content?.value}`);
  for (const output of outputs) {
    const got = bytesOf(output) as Buffer;
    assert.deepEqual([got.length, sha256(got)], [output.size, output.sha256]);
  }
  assert.deepEqual(
    outputs.map(({ port, mediaType, size, content }) => [port, mediaType, size, content?.$case]),
    [
      ["data", "video/mp4", 300_000, "upload"],
      ["more", "application/octet-stream", 5, "inline"],
      ["list", "image/jpeg", 70_000, "upload"],
      ["list", "image/jpeg", 10, "inline"],
      ["list", "image/jpeg", 70_000, "upload"],
      ["list", "image/jpeg", 10, "inline"],
      ["list", "image/jpeg", 70_000, "upload"],
      ["note", "application/json", 18, "inline"],
    ],
  );
  assert.equal(bytesOf(outputs[7] as Artifact)?.toString(), '{"a":1,"text":"b"}');
  assert.deepEqual(
    server.requests.uploads.map(({ sizes, first, epoch }) => [sizes, first, epoch]),
    [[[300_000, 70_000, 70_000, 70_000], 0, lease.epoch]],
  );
});

test("more inline bytes than one attempt may send are uploaded, and a call never holds more than 3 MiB", async (t) => {
  const stage = bytesStage(async () => ({
    ...done,
    list: Array.from({ length: 40 }, () => ({ bytes: Buffer.alloc(60_000) })),
  }));
  const { server } = await serve(t, [stage], { slots: { [stage.name]: 8 } });
  const leases = Array.from({ length: 8 }, () =>
    server.offer({ stage: stage.name, inputs: [server.inline("data", Buffer.from("x"))] }),
  );
  for (const lease of leases) {
    const outputs = outputsOf(await server.finished(lease));
    const inline = outputs
      .filter(({ content }) => content?.$case === "inline")
      .reduce((sum, { size }) => sum + size, 0);
    assert.ok(inline <= 1024 * 1024 && inline > 900_000, `${inline}`);
    assert.equal(outputs.length, 41);
  }
  for (const { finishes } of server.requests.finish) {
    const inline = finishes
      .flatMap(outputsOf)
      .reduce((sum, { content, size }) => sum + (content?.$case === "inline" ? size : 0), 0);
    assert.ok(inline <= 3 * 1024 * 1024, `${inline}`);
  }
});

for (const [reason, outputs, message] of [
  ["OUTPUT_MISSING", {}, /port data/],
  ["OUTPUT_MISSING", { data: { file: "/does/not/exist" } }, /not there/],
  ["OUTPUT_UNKNOWN", { ...done, extra: 1 }, /extra/],
  ["OUTPUT_INVALID", { data: "text" }, /neither/],
  ["OUTPUT_INVALID", { ...done, list: { bytes: Buffer.alloc(1) } }, /list/],
  ["OUTPUT_INVALID", { ...done, note: { text: 5 } }, /note\.text/],
] as const) {
  test(`outputs that are not what was declared fail as ${reason}: ${message}`, async (t) => {
    const stage = bytesStage(async () => outputs);
    const { server } = await serve(t, [stage]);
    const lease = server.offer({ stage: stage.name, inputs: [server.inline("data", Buffer.from("x"))] });
    const failed = failureOf(await server.finished(lease));
    assert.deepEqual([failed.kind, failed.reason], ["TERMINAL", reason]);
    assert.match(failed.message, message);
  });
}
