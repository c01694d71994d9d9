import { HeimdexError } from "@heimdex/errors";
import type { AssetRows, Catalog, MomentIndex } from "@heimdex/ports";
import type { Log } from "@heimdex/telemetry";
import { followIndexFormat, forgetIndexFormat, noteIndexFormat } from "./index-format.ts";

export interface IndexWriterParts {
  readonly catalog: Catalog;
  readonly index: MomentIndex;
  readonly log: Log;
  /** Whether the index is this replica's to write: one writes it at a time. */
  readonly isMine: () => boolean;
  /** Nobody else can have it. */
  readonly isAlone: boolean;
}

/** The index, for who has the upkeep to write. Before each write others are fenced out, in the index itself: one that was stopped while it wrote, or between finding
 * that it may and writing, changes nothing when it is woken. Whatever became of the index otherwise is noticed by its last writer, and made up for.
 * Each write rejects with UNAVAILABLE while the upkeep is another's. */
export class IndexWriter {
  readonly #parts: IndexWriterParts;
  #isRefilling = false;
  /** Who wrote before this replica fenced, until the catalog names this one. */
  #before: string | undefined;
  #claims: Promise<unknown> = Promise.resolve();

  constructor(parts: IndexWriterParts) {
    this.#parts = parts;
  }

  async replaceAssets(batch: readonly AssetRows[]): Promise<void> {
    await this.#claim();
    await this.#parts.index.replaceAssets(batch);
  }

  async removeAssets(tenant: string, assets: readonly string[]): Promise<void> {
    await this.#claim();
    await this.#parts.index.removeAssets(tenant, assets);
  }

  async dropSpace(tenant: string, space: string): Promise<void> {
    await this.#claim();
    await this.#parts.index.dropSpace(tenant, space);
  }

  async optimize(): Promise<void> {
    await this.#claim();
    await this.#parts.index.optimize();
  }

  /** Empties the index and has `fill` write all of it. When that fails, all is marked to be indexed again with the next write, or by whoever comes next. */
  async refill<T>(fill: () => Promise<T>): Promise<T> {
    const { catalog, index, isAlone } = this.#parts;
    await this.#claim();
    await forgetIndexFormat(catalog);
    this.#isRefilling = true;
    try {
      await this.#claim();
      await index.clear();
      const result = await fill();
      await noteIndexFormat(catalog, index.format, isAlone ? undefined : index.writer);
      return result;
    } finally {
      this.#isRefilling = false;
    }
  }

  /** Has all indexed again where the index is stored otherwise than this program does it. */
  async followFormat(): Promise<void> {
    const { catalog, index } = this.#parts;
    this.#say(await followIndexFormat(catalog, index));
  }

  /** One at a time: what one finds, another must not find half done. */
  #claim(): Promise<void> {
    const claim = this.#claims.then(() => this.#take());
    this.#claims = claim.catch(() => {}); // who writes hears of it
    return claim;
  }

  async #take(): Promise<void> {
    const { catalog, index, isMine, isAlone } = this.#parts;
    if (!isMine())
      throw new HeimdexError("UNAVAILABLE", "the index is another replica's to write now", { retryAfterMs: 1_000 });
    if (isAlone || this.#isRefilling) return;
    const before = await index.fence();
    if (before !== index.writer) this.#before = before;
    this.#say(await followIndexFormat(catalog, index, this.#before ?? before));
    this.#before = undefined;
  }

  #say(marked: number): void {
    if (marked > 0)
      this.#parts.log.info({ assets: marked }, "the index is not as it was left: filling it from the sidecars");
  }
}
