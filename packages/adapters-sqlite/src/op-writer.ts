import type { DatabaseSync, StatementSync } from "node:sqlite";
import { DELETE, FIELDS, type FlatOps, INSERT, REPLACE } from "./write-ops.ts";

type Stored = [row: number, version: number, sort: string, terms: string];

/** Applies operations within the transaction its caller has begun. */
export class OpWriter {
  readonly #find: StatementSync;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #delete: StatementSync;
  readonly #addTerm: StatementSync;
  readonly #dropTerm: StatementSync;

  constructor(db: DatabaseSync) {
    this.#find = db.prepare("SELECT rowid, version, sort, terms FROM docs WHERE collection = ? AND id = ?");
    this.#find.setReturnArrays(true);
    this.#insert = db.prepare(
      "INSERT INTO docs (collection, id, version, sort, terms, body) VALUES (?, ?, 1, ?, ?, ?)",
    );
    this.#update = db.prepare("UPDATE docs SET version = ?, sort = ?, terms = ?, body = ? WHERE rowid = ?");
    this.#delete = db.prepare("DELETE FROM docs WHERE rowid = ?");
    this.#addTerm = db.prepare("INSERT OR IGNORE INTO terms (collection, term, sort, id) VALUES (?, ?, ?, ?)");
    this.#dropTerm = db.prepare("DELETE FROM terms WHERE collection = ? AND term = ? AND sort = ? AND id = ?");
  }

  /** Applies the operation at `index` of `flat` and appends its result to `results`: 1 or 0 for ok, then the version. */
  apply(flat: FlatOps, index: number, results: number[]): void {
    const at = index * FIELDS;
    const kind = flat[at] as number;
    const collection = flat[at + 1] as string;
    const id = flat[at + 2] as string;
    const version = flat[at + 3] as number;
    const stored = this.#find.get(collection, id) as Stored | undefined;
    const storedVersion = stored?.[1] ?? 0;
    const holds =
      kind === INSERT
        ? stored === undefined
        : kind === REPLACE
          ? stored !== undefined && version === storedVersion
          : kind !== DELETE || version === -1 || (stored !== undefined && version === storedVersion);
    if (!holds) {
      results.push(0, storedVersion);
      return;
    }
    if (kind === DELETE) {
      if (stored !== undefined) {
        this.#moveTerms(collection, id, stored[2], stored[3], "", "[]");
        this.#delete.run(stored[0]);
      }
      results.push(1, 0);
      return;
    }
    const sort = flat[at + 4] as string;
    const terms = flat[at + 5] as string;
    const body = flat[at + 6] as string;
    if (stored === undefined) {
      this.#insert.run(collection, id, sort, terms, body);
      this.#moveTerms(collection, id, "", "[]", sort, terms);
    } else {
      this.#update.run(storedVersion + 1, sort, terms, body, stored[0]);
      this.#moveTerms(collection, id, stored[2], stored[3], sort, terms);
    }
    results.push(1, storedVersion + 1);
  }

  /** Makes the rows of `terms` those of the new document, touching only what differs. */
  #moveTerms(collection: string, id: string, oldSort: string, oldTerms: string, sort: string, terms: string): void {
    if (oldTerms === terms && oldSort === sort) return;
    const before = new Set(JSON.parse(oldTerms) as string[]);
    const after = new Set(JSON.parse(terms) as string[]);
    for (const term of before)
      if (oldSort !== sort || !after.has(term)) this.#dropTerm.run(collection, term, oldSort, id);
    for (const term of after) if (oldSort !== sort || !before.has(term)) this.#addTerm.run(collection, term, sort, id);
  }
}
