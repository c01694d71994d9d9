import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Document, FindQuery } from "@heimdex/ports";

type Row = [id: string, version: number, terms: string, sort: string, body: string];

const COLUMNS = "d.id, d.version, d.terms, d.sort, d.body";

function toDocument<B>([id, version, terms, sort, body]: Row): Document<B> {
  return { id, version, terms: JSON.parse(terms) as string[], sort, body: JSON.parse(body) as B };
}

/** Reads a catalog's file, synchronously. Each call sees what was committed before it. */
export class CatalogReader {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  get<B>(collection: string, id: string): Document<B> | undefined {
    const row = this.#statement(`SELECT ${COLUMNS} FROM docs d WHERE d.collection = ? AND d.id = ?`).get(
      collection,
      id,
    );
    return row === undefined ? undefined : toDocument<B>(row as unknown as Row);
  }

  find<B>(query: FindQuery): Document<B>[] {
    const values: (string | number)[] = [query.collection];
    if (query.term !== undefined) values.push(query.term);
    if (query.after !== undefined) {
      if (query.by === "sort") values.push(query.after.sort as string);
      values.push(query.after.id);
    }
    values.push(query.limit);
    return this.#statement(findSql(query))
      .all(...values)
      .map((row) => toDocument<B>(row as unknown as Row));
  }

  count(collection: string, term: string | undefined): number {
    const row =
      term === undefined
        ? this.#statement("SELECT count(*) FROM docs WHERE collection = ?").get(collection)
        : this.#statement("SELECT count(*) FROM terms WHERE collection = ? AND term = ?").get(collection, term);
    return (row as unknown as [number])[0];
  }

  close(): void {
    this.#db.close();
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      statement.setReturnArrays(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** The keys are picked from one index first, so that no body goes through a sort: only "with a term, by id" sorts, and it sorts ids. */
function findSql({ term, by, descending, after }: FindQuery): string {
  const keys = by === "sort" ? "sort, id" : "id";
  const order = keys.replaceAll(/\w+/g, descending ? "$& DESC" : "$&");
  const beyond =
    after === undefined ? "" : ` AND (${keys}) ${descending ? "<" : ">"} (${by === "sort" ? "?, ?" : "?"})`;
  if (term === undefined)
    return `SELECT ${COLUMNS} FROM docs d WHERE collection = ?${beyond} ORDER BY ${order} LIMIT ?`;
  const picked = `SELECT collection, sort, id FROM terms WHERE collection = ? AND term = ?${beyond} ORDER BY ${order} LIMIT ?`;
  const outer = order.replaceAll(/\w+(?=,|$| )/g, (word) => (word === "DESC" ? word : `t.${word}`));
  return `SELECT ${COLUMNS} FROM (${picked}) t CROSS JOIN docs d ON d.collection = t.collection AND d.id = t.id ORDER BY ${outer}`;
}
