import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { folder, start } from "./heimdex.fixture.ts";

const FREE = ["--http-port", "0", "--grpc-port", "0", "--worker-port", "0", "--data-port", "0"];

test("where keys are asked for, the local commands work, and others need a key that was made", async (t) => {
  const data = join(await folder(t), "archive");
  const adminKeyFile = join(await folder(t), "admin-key");
  await writeFile(adminKeyFile, "an-admin-key-that-a-secret-manager-made\n", { mode: 0o600 });
  const env = { HEIMDEX_AUTH_REQUIRED: "true", HEIMDEX_ADMIN_KEY_FILE: adminKeyFile };
  const up = start(t, ["--data", data, "--json", "up", ...FREE], { env });
  t.after(async () => {
    up.child.kill("SIGTERM");
    await up.ended;
  });
  const [, http = ""] = /(http:\/\/\S+) is up/.exec(await up.line(/ is up;/)) ?? [];
  const json = async (...args: string[]) => {
    const { code, stdout, stderr } = await start(t, ["--data", data, "--json", ...args]).ended;
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };
  const status = (secret: string) =>
    fetch(`${http}/v1/status`, secret === "" ? {} : { headers: { authorization: `Bearer ${secret}` } }).then(
      (answer) => answer.status,
    );

  const made = await json("keys", "create", "desk", "--role", "viewer", "--expires", "90d");
  const lifeMs = Date.parse(made.key.expire_time) - Date.parse(made.key.create_time);
  assert.ok(Math.abs(lifeMs - 90 * 86_400_000) < 60_000, made.key.expire_time);
  assert.deepEqual([await status(""), await status(made.secret)], [401, 200]);
  assert.equal(await status("an-admin-key-that-a-secret-manager-made"), 200);
  const rotated = await json("keys", "rotate", made.key.key);
  assert.deepEqual([await status(made.secret), await status(rotated.secret)], [401, 200]);
  await json("keys", "revoke", made.key.key);
  assert.equal(await status(rotated.secret), 401);
  const { keys } = await json("keys", "ls");
  assert.deepEqual(
    keys.map(({ name, role }: { name: string; role: string }) => [name, role]),
    [["desk", "VIEWER"]],
  );
  assert.notEqual(keys[0].revoke_time, null);
});
