import { once } from "node:events";
import { request } from "node:http";
import { HeimdexError, type SerializedError } from "@heimdex/errors";
import { RawWorker } from "@heimdex/orchestrator/testing";

/** A method of RawWorker, or of this process's own. */
export interface ToRogue {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

export interface FromRogue {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: SerializedError;
}

/** What a rogue does besides speaking the contract. */
const own = {
  /** PUTs the bytes; says the status. */
  async put(url: string, bytes: Uint8Array): Promise<number> {
    return (await fetch(url, { method: "PUT", body: bytes as Uint8Array<ArrayBuffer> })).status;
  },
  /** PUTs half of the bytes, and leaves the connection open. */
  async putHalf(url: string, bytes: Uint8Array): Promise<void> {
    const put = request(url, { method: "PUT", headers: { "content-length": bytes.length } });
    put.on("error", () => undefined); // it is not meant to come to an end
    await new Promise<void>((resolve) => put.write(bytes.subarray(0, bytes.length / 2), () => resolve()));
  },
};
export type Own = typeof own;

/** A worker that speaks the contract itself, right or wrong, and does what the test tells it over IPC: `rogue.fixture.ts ADDRESS`. */
const worker = await RawWorker.open(process.argv[2] ?? "");
const methods = own as Record<string, (...args: never[]) => unknown>;
process.on("message", async ({ id, method, args }: ToRogue) => {
  try {
    const target = method in methods ? methods : worker;
    const call = Reflect.get(target, method) as (...args: unknown[]) => unknown;
    process.send?.({ id, result: await call.apply(target, [...args]) } satisfies FromRogue);
  } catch (reason) {
    process.send?.({ id, error: HeimdexError.from(reason).toJSON() } satisfies FromRogue);
  }
});
process.send?.({ id: 0, result: worker.session } satisfies FromRogue);
await once(process, "disconnect");
process.exit(1);
