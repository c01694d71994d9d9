import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { EngineError } from "@heimdex/stage-sdk/engine";
import { openGraphModel } from "./graph-model.ts";

const float = { type: "DT_FLOAT" };
const pair = { shape: { dim: [{ size: "1" }, { size: "2" }] } };
/** relu(x + w), in the form the converter writes. */
const GRAPH = {
  format: "graph-model",
  modelTopology: {
    node: [
      { name: "x", op: "Placeholder", attr: { dtype: float, shape: pair } },
      { name: "w", op: "Const", attr: { dtype: float } },
      { name: "sum", op: "AddV2", input: ["x", "w"], attr: { T: float } },
      { name: "y", op: "Relu", input: ["sum"], attr: { T: float } },
    ],
    versions: {},
  },
  weightsManifest: [{ paths: ["w.bin"], weights: [{ name: "w", shape: [1, 2], dtype: "float32" }] }],
};

async function written(t: TestContext, graph: string, weights: Uint8Array) {
  const dir = await mkdtemp(join(tmpdir(), "heimdex-graph-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const files = { graph: join(dir, "model.json"), weights: join(dir, "w.bin") };
  await writeFile(files.graph, graph);
  await writeFile(files.weights, weights);
  return files;
}
const WEIGHTS = new Uint8Array(Float32Array.of(1, -4).buffer);

test("graph model: gives the outputs asked for, layers within the network too", async (t) => {
  const model = await openGraphModel(await written(t, JSON.stringify(GRAPH), WEIGHTS));
  const [y, sum] = await model.run(Float32Array.of(2, 3), [1, 2], ["y", "sum"]);
  assert.deepEqual([...(y?.data ?? [])], [3, 0]);
  assert.deepEqual([...(sum?.data ?? [])], [3, -1]);
  assert.deepEqual(sum?.dims, [1, 2]);
});

test("graph model: takes other sizes than its graph states only when asked to", async (t) => {
  const files = await written(t, JSON.stringify(GRAPH), WEIGHTS);
  const strict = await openGraphModel(files);
  await assert.rejects(strict.run(Float32Array.of(1, 2, 3, 4), [2, 2], ["y"]));
  const free = await openGraphModel(files, { anySize: true });
  const [y] = await free.run(Float32Array.of(2, 3, 4, 5), [2, 2], ["y"]);
  assert.deepEqual([...(y?.data ?? [])], [3, 0, 5, 1]);
});

for (const [name, graph, weights] of [
  ["weights cut off", JSON.stringify(GRAPH), WEIGHTS.subarray(0, 6)],
  ["a graph cut off", JSON.stringify(GRAPH).slice(0, 200), WEIGHTS],
  ["another kind of JSON", `{"answer": 42}`, WEIGHTS],
  ["operations nobody knows", JSON.stringify(GRAPH).replace("AddV2", "Divine"), WEIGHTS],
] as const) {
  test(`graph model: ${name} is MODEL_UNUSABLE and names the file`, async (t) => {
    const files = await written(t, graph, weights);
    await assert.rejects(
      async () => (await openGraphModel(files)).run(Float32Array.of(1, 2), [1, 2], ["y"]),
      (e) => e instanceof EngineError && e.code === "MODEL_UNUSABLE" && /model\.json|w\.bin/.test(e.message),
    );
  });
}

test("graph model: a file that is not there is MODEL_UNUSABLE", async (t) => {
  const files = await written(t, JSON.stringify(GRAPH), WEIGHTS);
  await assert.rejects(openGraphModel({ ...files, weights: `${files.weights}.gone` }), { code: "MODEL_UNUSABLE" });
});
