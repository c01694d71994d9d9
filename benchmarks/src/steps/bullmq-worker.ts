import { createHash } from "node:crypto";
import { connectionTo, loadBullmq, queueOf } from "./bullmq-client.ts";
import { STEPS } from "./no-op-stages.ts";

/** A worker of the comparison with BullMQ: `bullmq-worker.ts FOLDER SOCKET SLOTS`. One queue a step, as stages have; each step passes on the digest of
 * what the one before returned. Ends with its parent. */
const [folder, socket, slots] = process.argv.slice(2) as [string, string, string];
const { Worker } = loadBullmq(folder);
const digest = (text: string) => createHash("sha256").update(text).digest("hex");

const workers = Array.from(
  { length: STEPS },
  (_, step) =>
    new Worker(
      queueOf(step),
      async (job) => {
        const before = step === 0 ? [job.data] : Object.values(await job.getChildrenValues());
        return { of: digest(JSON.stringify(before)) };
      },
      { connection: connectionTo(socket), concurrency: Number(slots) },
    ),
);
await Promise.all(workers.map((worker) => worker.waitUntilReady()));
process.send?.("ready");
process.on("disconnect", () => process.exit());
process.on("SIGTERM", () => process.exit());
