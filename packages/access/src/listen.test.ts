import assert from "node:assert/strict";
import { test } from "node:test";
import { checkListen, isLoopback } from "./listen.ts";

for (const [address, want] of [
  ["127.0.0.1", true],
  ["127.255.0.9", true],
  ["::1", true],
  ["::ffff:127.0.0.1", true],
  ["0.0.0.0", false],
  ["::", false],
  ["10.0.0.1", false],
  ["localhost", false],
] as const) {
  test(`isLoopback ${address}`, () => assert.equal(isLoopback(address), want));
}

test("beyond this machine is listened on only where callers must show a key", async () => {
  for (const host of ["0.0.0.0", "::", "192.0.2.1", "heimdex.example"]) {
    await assert.rejects(checkListen("http", host, false), { id: "NOT_LOOPBACK" });
    assert.equal(await checkListen("http", host, true), host);
  }
  for (const isShut of [true, false]) assert.equal(isLoopback(await checkListen("http", "localhost", isShut)), true);
  assert.equal(await checkListen("http", "[::1]", false), "::1");
});
