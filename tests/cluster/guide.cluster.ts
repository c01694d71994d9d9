import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { composePorts } from "@heimdex/testing-servers";
import { runnable, shell } from "../guides/blocks.ts";

test("what the deployment guide has a reader of one server type works", async (t) => {
  // A checkout of one's own, as the guide writes into it.
  const folder = await mkdtemp(join(tmpdir(), "heimdex-guide-"));
  for (const name of await readdir(".")) if (name !== "deploy") await symlink(resolve(name), join(folder, name));
  await cp("deploy", join(folder, "deploy"), { recursive: true });
  const env = {
    ...process.env,
    ...(await composePorts()),
    COMPOSE_PROJECT_NAME: `heimdex-${folder.slice(-6).toLowerCase()}`,
  };
  t.after(async () => {
    const down = ["compose", "down", "--volumes", "--remove-orphans", "--timeout", "1"];
    await promisify(execFile)("docker", down, { cwd: join(folder, "deploy/compose"), env });
    await rm(folder, { recursive: true });
  });
  const script = await runnable("runnable=docker");
  assert.match(script, /docker compose up/);
  const printed = await shell(`${script}\ncat cutting-room.key`, folder, env);
  assert.match(printed, /hdx_[\w-]{43}/);
});
