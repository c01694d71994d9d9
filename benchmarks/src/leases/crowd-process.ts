import { json, manifest, RawWorker } from "@heimdex/orchestrator/testing";
import { type CrowdAnswer, type CrowdOrder, STAGE } from "./messages.ts";

/** Workers that do nothing, each with a session and a connection of its own: `crowd-process.ts ADDRESS WORKERS`. They speak the contract without the SDK, so
 * that hundreds fit into a process. */
const [, , address = "", count = "1"] = process.argv;
const workers = await Promise.all(Array.from({ length: Number(count) }, () => RawWorker.open(address)));
const held = new Map<RawWorker, { lease: string; epoch: number }>();
const send = (answer: CrowdAnswer) => process.send?.(answer);

async function work(worker: RawWorker): Promise<never> {
  for (;;) {
    for (const lease of await worker.acquire({ waitMs: 20_000 })) {
      const { result } = await worker.complete(lease, [json("out", lease.asset)]);
      if (result !== "ACCEPTED") throw new Error(`a result was answered ${result}`);
      if (lease.attempt > 1) send({ kind: "again", job: lease.job, atMs: Date.now() });
    }
  }
}

async function renew(worker: RawWorker, untilMs: number): Promise<number[]> {
  const lease = held.get(worker);
  if (lease === undefined) throw new Error("a worker holds no lease");
  const calls: number[] = [];
  for (let beganMs = performance.now(); beganMs < untilMs; ) {
    const [answer] = await worker.renew([lease], { done: calls.length, total: 0, unit: "calls", message: "" });
    if (answer?.verdict !== "CONTINUE") throw new Error(`a renewal was answered ${answer?.verdict}`);
    const endedMs = performance.now();
    calls.push(endedMs - beganMs);
    beganMs = endedMs;
  }
  return calls;
}

function failed(reason: unknown): void {
  send({ kind: "failed", message: reason instanceof Error ? (reason.stack ?? "") : String(reason) });
}

async function take(order: CrowdOrder): Promise<void> {
  if (order.kind === "renew") {
    const beganMs = performance.now();
    const calls = await Promise.all(workers.map((worker) => renew(worker, beganMs + order.forMs)));
    return void send({ kind: "renewed", wallMs: performance.now() - beganMs, callsMs: calls.flat() });
  }
  for (const worker of workers) await worker.register(manifest(STAGE));
  if (order.kind === "work") {
    for (const worker of workers) work(worker).catch(failed);
    return void send({ kind: "working" });
  }
  for (const worker of workers) {
    const lease = await worker.lease();
    held.set(worker, lease);
    await worker.renew([lease]);
  }
  send({ kind: "holding" });
}

process.on("message", (order: CrowdOrder) => void take(order).catch(failed));
process.once("disconnect", () => process.exit(0));
send({ kind: "connected" });
