// Run by folder-faults.test.ts, to be killed: stores blobs, uploads and documents, four at a time, and prints a line for each that was acknowledged.
import { createHash } from "node:crypto";
import { printLine } from "@heimdex/ports/conformance";
import { FolderBlobs } from "../folder-blobs.ts";

const [root = "", round = ""] = process.argv.slice(2);
const blobs = await FolderBlobs.open(root);
const tenant = "acme";

async function* stream(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 10_000) yield bytes.subarray(at, at + 10_000);
}

const acknowledge = (line: object) => printLine(JSON.stringify(line));

let count = 0;
await Promise.all(
  Array.from({ length: 4 }, async () => {
    for (;;) {
      const n = count++;
      const bytes = Buffer.alloc(50_000 + n, `${round}/${n} `);
      const key = { tenant, sha256: createHash("sha256").update(bytes).digest("hex"), size: bytes.length };
      if (n % 3 === 0) {
        await blobs.put(key, stream(bytes));
        acknowledge({ kind: "put", key });
      } else if (n % 3 === 1) {
        await blobs.upload({ tenant, attempt: `at${round}`, n }, stream(bytes), bytes.length);
        acknowledge({ kind: "upload", key, n });
      } else {
        const name = `sidecars/a${round}/${n % 30}.json`;
        await blobs.putNamed(tenant, name, Buffer.alloc(20_000, name));
        acknowledge({ kind: "named", name });
      }
    }
  }),
);
