import { Finish } from "@heimdex/contracts/stage/v1/work_service";
import { HeimdexError } from "@heimdex/errors";
import type { Bus, Subscription } from "@heimdex/ports";
import type { Log } from "@heimdex/telemetry";
import { readCommand } from "./command.ts";
import { InteractiveLane } from "./interactive-lane.ts";
import { KeyedQueue } from "./keyed-queue.ts";

/** How long another replica may take to hear an answer. */
const PASS_ON_MS = 2_000;

/** Answers requests of the interactive lane over the Bus, each stage's while a poll for it is parked here: so a request comes to a replica that can answer it. The worker's answer
 * may come to any of them, since its calls go to all in turn, and is passed on to the one where the request waits. */
export class InteractiveResponders implements AsyncDisposable {
  readonly #bus: Bus;
  readonly #lane: InteractiveLane;
  readonly #replica: string;
  readonly #log: Log;
  readonly #open = new Map<string, Subscription>();
  readonly #queue = new KeyedQueue();
  #closed = false;

  /** @param replica this one */
  constructor(bus: Bus, lane: InteractiveLane, replica: string, log: Log) {
    this.#bus = bus;
    this.#lane = lane;
    this.#replica = replica;
    this.#log = log;
  }

  /** Hears answers that come to other replicas. */
  listen(): Promise<Subscription> {
    return this.#bus.respond(answersOf(this.#replica), async (payload) => {
      const { finish } = payload as { finish: string };
      return { isTaken: this.#lane.finish(Finish.decode(Buffer.from(finish, "base64"))) };
    });
  }

  /** Takes what a worker says of a request, for whichever replica it waits at. False when nobody waits any more. Throws as the Bus does. */
  async finish(finish: Finish): Promise<boolean> {
    if (this.#lane.finish(finish)) return true;
    const replica = InteractiveLane.replicaOf(finish.lease);
    if (replica === undefined || replica === this.#replica) return false;
    const payload = { finish: Buffer.from(Finish.encode(finish).finish()).toString("base64") };
    try {
      const answer = await this.#bus.request(answersOf(replica), payload, { timeoutMs: PASS_ON_MS });
      return (answer as { isTaken: boolean }).isTaken;
    } catch (reason) {
      if (HeimdexError.from(reason).id === "BUS_NO_RESPONDER") return false; // it is gone, and so is who asked it
      throw reason;
    }
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

const answersOf = (replica: string) => `interactive-answers.${replica}`;
