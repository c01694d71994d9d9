import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import * as asr from "@heimdex/stage-asr";
import * as embed from "@heimdex/stage-embed";
import * as media from "@heimdex/stage-media";
import type { AnyStage } from "@heimdex/stage-sdk";
import * as vision from "@heimdex/stage-vision";

test("the autoscaler counts the work of exactly the stages that each service serves", async () => {
  const file = new URL("../../deploy/terraform/stages.json", import.meta.url);
  const named = JSON.parse(await readFile(file, "utf8")) as Record<string, string[]>;
  const served = Object.entries({
    "stage-media": media,
    "stage-asr": asr,
    "stage-vision": vision,
    "stage-embed": embed,
  });
  for (const [service, exported] of served) {
    const stages = Object.entries(exported)
      .filter(([name]) => name.endsWith("Stage"))
      .map(([, stage]) => (typeof stage === "function" ? (stage as () => AnyStage)() : (stage as AnyStage)).name);
    assert.deepEqual([...new Set(stages)].sort(), named[service]?.toSorted(), service);
  }
  assert.equal(Object.keys(named).length, served.length);
});
