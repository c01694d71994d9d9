import assert from "node:assert/strict";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { folder, start } from "./heimdex.fixture.ts";
import { errorShape } from "./shapes.fixture.ts";

test("without models the demo says which are missing and how to get them, and makes nothing", async (t) => {
  const [data, models] = [join(await folder(t), "archive"), await folder(t)];
  const { code, stdout } = await start(t, ["--data", data, "--json", "demo"], { env: { HEIMDEX_MODELS: models } })
    .ended;
  assert.equal(code, 1);
  const { error } = errorShape.parse(JSON.parse(stdout));
  assert.equal(error.id, "NO_MODEL");
  for (const model of ["human-faces", "human-centernet", "human-pictures", "pp-ocrv4"])
    assert.ok(error.message.includes(model), error.message);
  assert.match(error.help, /heimdex models pull bundled/);
  await assert.rejects(access(data), { code: "ENOENT" });
});
