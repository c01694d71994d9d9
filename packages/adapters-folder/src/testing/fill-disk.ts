// Run by folder-faults.test.ts where little room is: tries to store more than fits in every way there is, and prints what came of it.
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { HeimdexError } from "@heimdex/errors";
import { FolderBlobs } from "../folder-blobs.ts";

const [root = "", workerBytes = 0] = [process.argv[2], Number(process.argv[3])];
const TOO_MUCH = 5 * 1024 * 1024;
const blobs = await FolderBlobs.open(root);
const tenant = "acme";

async function* zeros(size: number): AsyncGenerator<Uint8Array> {
  for (let left = size; left > 0; left -= 65_536) yield new Uint8Array(Math.min(left, 65_536));
}

function keyOf(bytes: Uint8Array) {
  return { tenant, sha256: createHash("sha256").update(bytes).digest("hex"), size: bytes.length };
}

async function idOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "stored",
    (error) => (error instanceof HeimdexError ? error.id : String(error)),
  );
}

const key = keyOf(new Uint8Array(TOO_MUCH));
const ids: Record<string, string> = {};
ids.put = await idOf(blobs.put(key, zeros(TOO_MUCH)));
ids.upload = await idOf(blobs.upload({ tenant, attempt: "a", n: 0 }, zeros(TOO_MUCH), TOO_MUCH));
ids.putNamed = await idOf(blobs.putNamed(tenant, "sidecars/a/1.json", new Uint8Array(TOO_MUCH)));
// The worker's own file is there already; a copy of it has no room.
ids.commit = await idOf(blobs.commitUpload({ tenant, attempt: "b", n: 0 }, keyOf(new Uint8Array(workerBytes))));
// What is small enough still goes in.
const small = new TextEncoder().encode("enough");
await blobs.put(
  keyOf(small),
  (async function* () {
    yield small;
  })(),
);
console.log(JSON.stringify({ ids, usage: await blobs.usage(tenant), temp: readdirSync(join(root, ".tmp")) }));
