import assert from "node:assert/strict";
import { test } from "node:test";
import { type AssetSpaces, type SpaceRecord, spaceRecordId, spaceTerms } from "@heimdex/kernel";
import { ask, asset, openGateway } from "./testing.ts";

test("status says which model answers, how far the one is that takes its place, and what leaves", async (t) => {
  const gateway = await openGateway(t);
  const record: SpaceRecord = {
    tenant: "default",
    kind: "text",
    serving: { space: "old", model: "words", maker: "1" },
    filling: { space: "new", model: "sentences", maker: "2", refill: false },
    leaving: [{ space: "older", sinceMs: 0 }],
  };
  await gateway.store("meta", spaceRecordId("default", "text"), record, ["spaces"]);
  const put = async (id: string, spaces: AssetSpaces) =>
    gateway.store("assets", id, asset(id, { spaces }), ["tenant:default", ...spaceTerms("default", spaces)]);
  await put("a_1", { vectors: ["old"], ran: ["old"], failed: [] });
  await put("a_2", { vectors: ["new", "old"], ran: ["new"], failed: [] });
  await put("a_3", { vectors: ["old"], ran: [], failed: ["2"] });
  const { json } = await ask(gateway.httpAddress, "/v1/status");
  const { spaces } = json as { spaces: Record<string, unknown>[] };
  const said = spaces.map((space) => [
    space.kind,
    space.model ?? "",
    space.state,
    space.assets_done ?? 0,
    space.assets_to_do ?? 0,
    space.assets_failed ?? 0,
  ]);
  assert.deepEqual(said, [
    ["text", "words", "SERVING", 3, 0, 0],
    ["text", "", "LEAVING", 0, 0, 0],
    ["text", "sentences", "FILLING", 1, 1, 1],
  ]);
});
