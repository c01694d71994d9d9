import { randomUUID } from "node:crypto";
import { sharesTenant } from "@heimdex/access";
import { Failed_Kind, type Finish, type Lease } from "@heimdex/contracts/stage/v1/work_service";
import { HeimdexError } from "@heimdex/errors";

interface Parked {
  readonly slots: ReadonlyMap<string, number>;
  /** Whose requests it takes; `*`: all. */
  readonly tenant: string;
  readonly give: (lease: Lease) => void;
}

interface Waiting {
  readonly resolve: (response: Uint8Array) => void;
  readonly reject: (reason: unknown) => void;
}

/** Small requests that a person waits for. In memory only: a request goes to a parked poll or fails at once, is answered once, and never retried. */
export class InteractiveLane {
  readonly #parked: Parked[] = [];
  readonly #waiting = new Map<string, Waiting>();
  readonly #replica: string;
  readonly #onChanged: (stage: string) => void;

  /** @param replica this one: the leases of requests name it
   * @param onChanged polls of the stage came or went */
  constructor(replica: string, onChanged: (stage: string) => void) {
    this.#replica = replica;
    this.#onChanged = onChanged;
  }

  /** The replica that such a lease's request waits at; undefined for leases of steps. */
  static replicaOf(lease: string): string | undefined {
    return /^i_(.*)_/.exec(lease)?.[1];
  }

  /** Parks until a request comes; at most one for each answer. */
  poll(slots: ReadonlyMap<string, number>, tenant: string, waitMs: number, signal: AbortSignal): Promise<Lease[]> {
    return new Promise((resolve) => {
      const done = (leases: Lease[]) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", stop);
        const at = this.#parked.indexOf(parked);
        if (at >= 0) this.#parked.splice(at, 1);
        if (at >= 0) for (const stage of slots.keys()) this.#onChanged(stage);
        resolve(leases);
      };
      const parked: Parked = { slots, tenant, give: (lease) => done([lease]) };
      const stop = () => done([]);
      const timer = setTimeout(stop, waitMs);
      if (signal.aborted) return done([]);
      signal.addEventListener("abort", stop, { once: true });
      this.#parked.push(parked);
      for (const stage of slots.keys()) this.#onChanged(stage);
    });
  }

  /** Whether a poll of the stage is parked here. */
  serves(stage: string): boolean {
    return this.#parked.some((parked) => (parked.slots.get(stage) ?? 0) > 0);
  }

  /** Sends a tenant's request to a worker of the stage. Rejects with NO_WORKER when none waits, and with `signal.reason`. */
  request(stage: string, tenant: string, body: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const parked = this.#parked.find(
      (candidate) => (candidate.slots.get(stage) ?? 0) > 0 && sharesTenant(candidate.tenant, tenant),
    );
    if (parked === undefined)
      return Promise.reject(
        new HeimdexError("NO_WORKER", `no worker waits for requests of ${stage}`, { metadata: { stage } }),
      );
    const id = `i_${this.#replica}_${randomUUID()}`;
    return new Promise<Uint8Array>((resolve, reject) => {
      const stop = () => {
        this.#waiting.delete(id);
        reject(signal.reason);
      };
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener("abort", stop, { once: true });
      const settle = (): void => {
        signal.removeEventListener("abort", stop);
        this.#waiting.delete(id);
      };
      this.#waiting.set(id, {
        resolve: (response) => {
          settle();
          resolve(response);
        },
        reject: (reason) => {
          settle();
          reject(reason);
        },
      });
      const sha256 = "";
      parked.give({
        lease: id,
        epoch: 1,
        stage,
        stageVersion: "",
        job: "",
        asset: "",
        sourceName: "",
        attempt: 1,
        config: "{}",
        inputs: [
          {
            port: "request",
            mediaType: "application/octet-stream",
            sha256,
            size: body.byteLength,
            path: "",
            name: "",
            content: { $case: "inline", value: Buffer.from(body) },
          },
        ],
        expireTime: undefined,
        traceparent: "",
        attemptTimeoutMs: 0,
      });
    });
  }

  /** Takes the answer to a request; false when it waits at another replica, or nobody waits any more. */
  finish(finish: Finish): boolean {
    const waiting = this.#waiting.get(finish.lease);
    if (waiting === undefined) return false;
    if (finish.outcome?.$case === "completed") {
      const content = finish.outcome.value.outputs[0]?.content;
      waiting.resolve(content?.$case === "inline" ? content.value : new Uint8Array());
    } else if (finish.outcome?.$case === "failed") {
      const { kind, reason, message, help } = finish.outcome.value;
      // A request that is itself at fault is the asker's to mend; whatever else may be gone at the next try.
      const id = kind === Failed_Kind.INPUT_REJECTED ? "INVALID_ARGUMENT" : "UNAVAILABLE";
      waiting.reject(new HeimdexError(id, `${reason}: ${message}`, { help }));
    } else {
      waiting.reject(new HeimdexError("UNAVAILABLE", "the worker gave the request back"));
    }
    return true;
  }
}
