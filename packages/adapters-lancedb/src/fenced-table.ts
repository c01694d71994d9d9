import type { Table as LanceTable, OptimizeOptions } from "@lancedb/lancedb";
import type { Table } from "apache-arrow";
import { native } from "./native.ts";
import { type Space, spaceField, writerField, writersOf } from "./table-schema.ts";

/** Commits of a writer that is being shut out may come in between; what it begins then is refused already. */
const ATTEMPTS = 10;

/** The table as one process writes it, and no other. LanceDB asks nobody whether he may commit, and of two merges that insert the same new key both succeed (tried on
 * 0.39). So the table has a column, always empty, that is named after its writer:
 *
 * F1: every statement that changes rows names its writer's column, and is refused where the table has none of that name.
 * F2: adding a column conflicts with all that was begun on an older version. LanceDB does changes of rows again then, on the newest version, where F1 refuses
 *     them, and nothing else.
 * F3: `fence` adds the writer's column to a version that has none. So behind it nobody else is a writer, and nothing of anybody's is under way.
 *
 * Only emptying a table goes through unasked; what comes of it has another writer, or none. */
export class FencedTable {
  readonly writer: string;
  readonly #table: LanceTable;

  /** @param table stays at the version that it is told to, whatever others write, and moves on with what is done here
   * @param writer unlike any other process's */
  constructor(table: LanceTable, writer: string) {
    this.#table = table;
    this.writer = writer;
  }

  /** To read what is at the version written last. */
  get table(): LanceTable {
    return this.#table;
  }

  /** Follows what others have committed. */
  async follow(): Promise<void> {
    await this.#table.checkoutLatest();
  }

  /** Whether nobody has fenced this writer out, at the version followed to. */
  async isOurs(): Promise<boolean> {
    return writersOf(await this.#table.schema()).includes(this.writer);
  }

  /** Shuts every other writer out. No row is touched; what others committed before stays.
   * @returns the writer before; "" when there was none */
  async fence(): Promise<string> {
    const { arrow } = native();
    for (let attempt = 1; ; attempt++) {
      await this.follow();
      const writers = writersOf(await this.#table.schema());
      const [before = ""] = writers;
      if (before === this.writer) return before;
      try {
        if (writers.length > 0) await this.#table.dropColumns(writers);
        await this.#table.addColumns([writerField(arrow, this.writer)]);
        return before;
      } catch (reason) {
        if (attempt === ATTEMPTS || !isConflict(reason)) throw reason;
      }
    }
  }

  /** Merges rows in by their key, and removes those of `replaced` that are not among them. Gives the version. */
  async replace(rows: Table, replaced: string): Promise<number> {
    const { version } = await this.#table
      .mergeInsert("key")
      .whenMatchedUpdateAll()
      .whenNotMatchedInsertAll()
      .whenNotMatchedBySourceDelete({ where: replaced })
      .execute(rows);
    return version;
  }

  /** Writes rows over those with the same key. Gives the version. */
  async update(rows: Table): Promise<number> {
    const { version } = await this.#table.mergeInsert("key").whenMatchedUpdateAll().execute(rows);
    return version;
  }

  async empty(column: string, where: string): Promise<void> {
    await this.#table.update({ where: this.#inOurName(where), valuesSql: { [column]: "NULL" } });
  }

  /** Gives the version. */
  async delete(where: string): Promise<number> {
    const { version } = await this.#table.delete(this.#inOurName(where));
    return version;
  }

  async addSpaces(spaces: readonly Space[]): Promise<void> {
    await this.#table.addColumns(spaces.map((space) => spaceField(native().arrow, space)));
  }

  async dropColumns(columns: string[]): Promise<void> {
    await this.#table.dropColumns(columns);
  }

  async optimize(options: Partial<OptimizeOptions>): Promise<void> {
    await this.#table.optimize(options);
  }

  close(): void {
    this.#table.close();
  }

  #inOurName(where: string): string {
    return `(${where}) AND ${this.writer} IS NULL`;
  }
}

function isConflict(reason: unknown): boolean {
  return /conflict|concurrent transaction/i.test(String(reason));
}
