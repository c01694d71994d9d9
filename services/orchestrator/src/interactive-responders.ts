import type { Bus, Subscription } from "@heimdex/ports";
import type { Log } from "@heimdex/telemetry";
import { readCommand } from "./command.ts";
import type { InteractiveLane } from "./interactive-lane.ts";
import { KeyedQueue } from "./keyed-queue.ts";

/** Answers requests of the interactive lane over the Bus, each stage's while a poll for it is parked here: so a request comes to a replica that can answer it. */
export class InteractiveResponders implements AsyncDisposable {
  readonly #bus: Bus;
  readonly #lane: InteractiveLane;
  readonly #log: Log;
  readonly #open = new Map<string, Subscription>();
  readonly #queue = new KeyedQueue();
  #closed = false;

  constructor(bus: Bus, lane: InteractiveLane, log: Log) {
    this.#bus = bus;
    this.#lane = lane;
    this.#log = log;
  }

  /** Polls of the stage came or went. */
  changed(stage: string): void {
    this.#follow(stage).catch((reason: unknown) =>
      this.#log.warn({ err: reason, stage }, "requests of the stage cannot be answered here just now"),
    );
  }

  #follow(stage: string): Promise<void> {
    return this.#queue.run(stage, async () => {
      const isWanted = !this.#closed && this.#lane.serves(stage);
      const open = this.#open.get(stage);
      if (isWanted && open === undefined) this.#open.set(stage, await this.#respond(stage));
      if (isWanted || open === undefined) return;
      this.#open.delete(stage);
      await open[Symbol.asyncDispose]();
    });
  }

  #respond(stage: string): Promise<Subscription> {
    return this.#bus.respond(`interactive.${stage}`, async (payload, _, signal) => {
      const { tenant, request } = readCommand(payload);
      const response = await this.#lane.request(stage, tenant, Buffer.from(String(request), "base64"), signal);
      return { response: Buffer.from(response).toString("base64") };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#open.keys()].map((stage) => this.#follow(stage)));
  }
}
