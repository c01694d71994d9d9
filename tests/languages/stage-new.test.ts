import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isInstalled } from "./language.fixture.ts";
import { emptyFolder, runIn } from "./npm-project.fixture.ts";

const TIMEOUT_MS = 900_000;

describe("stage new writes a project whose own tests pass, and whose worker passes the kit", {
  concurrency: true,
}, () => {
  for (const [language, option, prepare, worker] of [
    ["TypeScript", "ts", ["npm install --no-audit --no-fund", "npm test"], ["node", "worker.ts"]],
    ["Python", "python", ["./setup", ".venv/bin/python -m unittest"], [".venv/bin/python", "stage.py"]],
    ["Go", "go", ["./setup", "go test ./...", "go vet ./..."], ["./stage"]],
  ] as const) {
    test(language, { timeout: TIMEOUT_MS }, async (t) => {
      if (!isInstalled(t, language)) return;
      const folder = join(await emptyFolder(t), "My Stage");
      await runIn("/", "heimdex", "stage", "new", folder, "--lang", option);
      for (const command of prepare) await runIn(folder, "sh", "-c", command);
      const said = await runIn(folder, "heimdex", "stage", "test", "--", ...worker);
      assert.match(said, /^org\.example\.my-stage 1\.0\.0: \d+ passed, 0 failed, /m);
    });
  }
});
