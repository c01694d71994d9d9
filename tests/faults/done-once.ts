import assert from "node:assert/strict";
import type { CacheEntry } from "@heimdex/kernel";
import type { Host } from "./host.ts";

/** The job is done, by the lease of this epoch and no other; its result was committed once, and the sidecar has it. */
export async function assertDoneOnce(
  host: Host,
  job: string,
  name: string,
  epoch: number,
  lost: number,
): Promise<void> {
  const ended = await host.settled(job);
  const [step] = ended.steps;
  assert.deepEqual([ended.state, step?.state, step?.epoch, step?.lost], ["SUCCEEDED", "OK", epoch, lost]);
  assert.deepEqual([step?.ending?.epoch, step?.ending?.said], [epoch, "COMPLETED"]);
  const committed = (await host.all<CacheEntry>("cache")).filter(({ body }) => body.job === job);
  assert.deepEqual(
    committed.map(({ version }) => version),
    [1],
  );
  const said = (await host.sidecar(ended.asset)).layers.filter(({ kind }) => kind === "transcript");
  assert.deepEqual(
    said.flatMap(({ items }) => items.map((item) => (item as { text: string }).text)),
    [name],
  );
}
