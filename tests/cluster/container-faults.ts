import { setTimeout as delay } from "node:timers/promises";
import { type ComposeCluster, type Container, docker } from "@heimdex/testing-servers";

/** - kill: its processes end at once; it is started again after a moment.
 * - pause: its processes stand still, connections stay open.
 * - cut: it loses its network. */
const FAULTS = ["kill", "pause", "cut"] as const;
type Fault = (typeof FAULTS)[number];

/** How long a fault lasts, ms: some less than the lease's time to live of these tests, some more. */
const SHORTEST_MS = 500;
const LONGEST_MS = 12_000;
/** Longest pause between two faults, ms. */
const BETWEEN_MS = 3_000;
/** So many containers are away at the same time, or not yet well again: with more of them, a slow machine would never get anything done in between. */
const MOST_AFFLICTED = 2;
/** A container that is not well so long after a fault does not hold up the next, ms. */
const WELL_WITHIN_MS = 120_000;

/** Does things to a cluster's containers at random, kind by kind, so that each kind has its share. */
export class ContainerFaults {
  /** What was done, as `kill mongo`. */
  readonly done: string[] = [];
  /** What the engine refused to do, and why. */
  readonly refused: string[] = [];
  readonly #cluster: ComposeCluster;
  readonly #random: () => number;
  readonly #afflicted = new Set<string>();
  readonly #lasting = new Set<Promise<void>>();

  constructor(cluster: ComposeCluster, random: () => number) {
    this.#cluster = cluster;
    this.#random = random;
  }

  /** Goes on until `isEnough` and each kind of container has had a fault; resolves when all are well again.
   * @param signal ends it before that */
  async run(isEnough: () => boolean, signal: AbortSignal): Promise<void> {
    const containers = await this.#cluster.containers();
    const kinds = [...new Set(containers.map(({ service }) => service))];
    let waiting: string[] = [];
    for (let round = 0; !signal.aborted && (round < kinds.length || !isEnough()); round++) {
      if (waiting.length === 0) waiting = this.#shuffled(kinds);
      const kind = waiting.pop();
      const healthy = containers.filter(({ id, service }) => service === kind && !this.#afflicted.has(id));
      const container = this.#one(healthy);
      if (container !== undefined) this.#begin(container, this.#one(FAULTS) as Fault);
      await delay(this.#random() * BETWEEN_MS);
      while (this.#lasting.size >= MOST_AFFLICTED) await Promise.race(this.#lasting);
    }
    await Promise.all(this.#lasting);
  }

  #begin(container: Container, fault: Fault): void {
    this.#afflicted.add(container.id);
    const lasting = this.#suffer(container, fault, SHORTEST_MS + this.#random() ** 2 * (LONGEST_MS - SHORTEST_MS));
    this.#lasting.add(lasting);
    void lasting.finally(() => {
      this.#afflicted.delete(container.id);
      this.#lasting.delete(lasting);
    });
  }

  async #suffer({ id, service }: Container, fault: Fault, forMs: number): Promise<void> {
    const network = `${this.#cluster.project}_default`;
    const doing = {
      kill: ["kill", id],
      pause: ["pause", id],
      cut: ["network", "disconnect", "--force", network, id],
    }[fault];
    try {
      await docker(doing);
      this.done.push(`${fault} ${service}`);
    } catch (reason) {
      this.refused.push(`${fault} ${service}: ${String(reason)}`); // the engine cannot always: a process may be starting in the container just then
      return;
    }
    await delay(forMs);
    // The names by which it is found, as Compose gave them.
    const names = service.startsWith("orchestrator") ? [service, "orchestrators"] : [service];
    const aliases = names.flatMap((name) => ["--alias", name]);
    await docker(
      { kill: ["start", id], pause: ["unpause", id], cut: ["network", "connect", ...aliases, network, id] }[fault],
    );
    await isWell(id);
  }

  #one<T>(of: readonly T[]): T | undefined {
    return of[Math.floor(this.#random() * of.length)];
  }

  #shuffled<T>(of: readonly T[]): T[] {
    return of
      .map((each) => ({ each, at: this.#random() }))
      .sort((a, b) => a.at - b.at)
      .map(({ each }) => each);
  }
}

/** Waits until a container runs, and says that it serves where it says such things. */
async function isWell(id: string): Promise<void> {
  const format = "{{if .State.Health}}{{.State.Health.Status}}{{else}}{{.State.Status}}{{end}}";
  for (const giveUpMs = performance.now() + WELL_WITHIN_MS; performance.now() < giveUpMs; await delay(500)) {
    const state = (await docker(["inspect", "--format", format, id])).trim();
    if (state === "healthy" || state === "running") return;
  }
}
