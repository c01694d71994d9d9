import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import { sendFile } from "./send-file.ts";

const BYTES = Buffer.alloc(3_000_000, "film");
const never = new AbortController().signal;

async function serve(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse, n: number) => unknown,
) {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-send-file-"));
  const path = join(folder, "film.mp4");
  await writeFile(path, BYTES);
  let requests = 0;
  const server = createServer((request, response) => void answer(request, response, ++requests));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true, force: true });
  });
  const sent: number[] = [];
  const file = { path, size: BYTES.length, progress: (bytes: number) => void sent.push(bytes) };
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/x?token=y`);
  return { send: () => sendFile(url, file, undefined, never), sent, count: () => requests };
}

const failedAs = (id: string, message: RegExp) => (reason: unknown) =>
  reason instanceof HeimdexError && reason.id === id && message.test(reason.message);

test("a file arrives whole, with its length, and it is told how far it is", async (t) => {
  const got: Buffer[] = [];
  const { send, sent } = await serve(t, async (request, response) => {
    assert.deepEqual([request.method, request.headers["content-length"]], ["PUT", String(BYTES.length)]);
    got.push(await buffer(request));
    response.writeHead(204).end();
  });
  await send();
  assert.ok(got[0]?.equals(BYTES));
  assert.equal(sent.at(-1), BYTES.length);
});

test("a line that drops and a server that cannot just now are tried again", async (t) => {
  const { send, count } = await serve(t, async (request, response, n) => {
    if (n === 1) return request.once("data", () => request.destroy());
    await buffer(request);
    return response.writeHead(n === 2 ? 503 : 200).end();
  });
  await send();
  assert.equal(count(), 3);
});

test("what the gateway, or a store, says against it is said, and not tried again", async (t) => {
  const error = { error: { message: 'there is "no" upload', details: [{ reason: "UPLOAD_NOT_FOUND" }] } };
  const gateway = await serve(t, (_, response) => response.writeHead(404).end(JSON.stringify(error)));
  await assert.rejects(gateway.send(), failedAs("UPLOAD_NOT_FOUND", /^there is "no" upload$/));
  const xml = "<Error><Code>AccessDenied</Code></Error>";
  const store = await serve(t, (request, response) => buffer(request).then(() => response.writeHead(403).end(xml)));
  await assert.rejects(store.send(), failedAs("BLOB_STORE_REFUSED", /403 AccessDenied$/));
  assert.deepEqual([gateway.count(), store.count()], [1, 1]);
});
