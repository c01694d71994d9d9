import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";

// A thread of its own, because hashing gigabytes would keep the event loop from answering renewals.
const file = openSync(workerData as string, "r");
try {
  const hash = createHash("sha256");
  const chunk = Buffer.allocUnsafe(4 * 1024 * 1024);
  for (;;) {
    const read = readSync(file, chunk, 0, chunk.length, null);
    if (read === 0) break;
    hash.update(chunk.subarray(0, read));
  }
  parentPort?.postMessage(hash.digest("hex"));
} finally {
  closeSync(file);
}
