import { chosenModel, type LocatedModel, locateModel } from "@heimdex/models";
import type { Space } from "@heimdex/sidecar";
import { type Capability, StageFailure } from "@heimdex/stage-sdk";

export type Located = Extract<LocatedModel, { available: true }>;

/** A model that is there, and the space of its vectors, known without loading it. */
export interface SpaceModel extends AsyncDisposable {
  readonly space: Space;
  /** Loads what queries need. Rejects with TERMINAL MODEL_UNUSABLE. */
  warmUp(signal: AbortSignal): Promise<void>;
}

/** The models of one stage in this process: the chosen one, and those of other spaces once a query asks for them. */
export class SpaceModels<M extends SpaceModel> implements AsyncDisposable {
  readonly #stage: string;
  readonly #openers: ReadonlyMap<string, (located: Located) => M>;
  readonly #open = new Map<string, M>();

  /** @param openers every model the stage can run, by id; opening loads nothing */
  constructor(stage: string, openers: Iterable<readonly [id: string, open: (located: Located) => M]>) {
    this.#stage = stage;
    this.#openers = new Map(openers);
  }

  /** The chosen model. Rejects with TERMINAL NO_MODEL when it is not there. */
  async ofChosen(): Promise<M> {
    const located = await this.#locate();
    if (located.available) return this.#opened(located);
    throw new StageFailure("TERMINAL", located.reason, `The model of ${this.#stage} is not there.`, {
      help: located.help,
    });
  }

  /** The model whose vectors are of that space, whether chosen or not: while one model takes over from another, the old space still answers.
   * Rejects with TERMINAL SPACE_UNKNOWN when none that is there makes them. */
  async ofSpace(space: string): Promise<M> {
    for (const id of this.#openers.keys()) {
      const located = await locateModel(id);
      if (!located.available) continue;
      const model = this.#opened(located);
      if (model.space.id === space) return model;
    }
    throw new StageFailure(
      "TERMINAL",
      "SPACE_UNKNOWN",
      `No model of ${this.#stage} that is here makes vectors of space ${space}.`,
      {
        help: "The model that made them was removed, or has other files now: pull it again, or index again with the chosen one.",
      },
    );
  }

  /** For a stage's `probe`: loads what queries need now, so that the first waits neither for the disk nor for a process. */
  async probe(signal: AbortSignal): Promise<Capability> {
    const located = await this.#locate();
    if (!located.available) return located;
    const { id, sha256, licence } = located;
    try {
      await this.#opened(located).warmUp(signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof StageFailure)) throw error;
      return { available: false, reason: error.reason, help: `${error.message} ${error.help}` };
    }
    return { available: true, models: [{ id, sha256, licence }] };
  }

  /** Read each time: it costs a millisecond, and a model that is pulled while the service runs is found. */
  async #locate(): Promise<LocatedModel> {
    const chosen = chosenModel(this.#stage);
    if (chosen !== undefined) return locateModel(chosen);
    const help = `No model is set for ${this.#stage}: choose one with \`heimdex models use\`.`;
    return { available: false, reason: "NO_MODEL", help };
  }

  #opened(located: Located): M {
    const key = `${located.id} ${located.sha256}`;
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    const open = this.#openers.get(located.id);
    if (open === undefined) throw new Error(`${this.#stage} cannot run ${located.id}`);
    const opened = open(located);
    this.#open.set(key, opened);
    return opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#open.values()].map((model) => model[Symbol.asyncDispose]()));
    this.#open.clear();
  }
}
