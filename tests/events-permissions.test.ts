import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { FOLLOWER } from "../deploy/compose/secret-files.ts";

test("who follows events may do the same on one server and on Google Cloud", () => {
  const script = readFileSync("deploy/terraform/modules/nats/start.sh", "utf8");
  const [, follower = ""] = /^follower='([^']*)'/m.exec(script) ?? [];
  assert.deepEqual(JSON.parse(follower), FOLLOWER);
});
