import assert from "node:assert/strict";
import { test } from "node:test";
import type { HeimdexError } from "@heimdex/errors";
import { parseServers } from "./server-list.ts";

for (const [text, servers, tls] of [
  ["nats:4222", ["nats:4222"], false],
  ["nats://nats", ["nats"], false],
  ["tls://a.example:4222, tls://b.example:4223", ["a.example:4222", "b.example:4223"], true],
  ["nats://[::1]:4222,127.0.0.1:4222", ["[::1]:4222", "127.0.0.1:4222"], false],
] as const) {
  test(`the addresses ${text} are understood`, () => assert.deepEqual(parseServers(text), { servers, tls }));
}

for (const text of [
  "",
  "http://nats:4222",
  "tls://a,nats://b",
  "nats://root:geheim@nats:4222",
  "nats://nats:4222/x",
  "a,,b",
]) {
  test(`the addresses "${text}" are refused, without repeating a password`, () => {
    assert.throws(
      () => parseServers(text),
      (error: HeimdexError) => error.id === "CONFIG_INVALID" && !JSON.stringify(error).includes("geheim"),
    );
  });
}
