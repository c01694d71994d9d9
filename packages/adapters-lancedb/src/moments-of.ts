import { type IndexedMoment, TEXT_FIELDS } from "@heimdex/ports";
import type { Table, Vector } from "apache-arrow";
import { readFacets } from "./facet-terms.ts";
import { readNumbers } from "./number-terms.ts";
import { tokensColumn } from "./table-schema.ts";

/** Moments from a table with ROW_COLUMNS, in its order. Read column by column: through Arrow's rows, which look up type and column anew for every
 * field, 200 moments take ten times as long. */
export function momentsOf(table: Table): IndexedMoment[] {
  if (table.numRows === 0) return []; // LanceDB then leaves out the schema as well
  const column = (name: string): Vector => {
    const found = table.getChild(name);
    if (found === null) throw new Error(`the table has no column ${name}`);
    return found;
  };
  const texts = (name: string): string[] => Array.from(column(name), String);
  const numbers = (name: string): number[] => Array.from(column(name), Number);
  const lists = (name: string): string[][] => Array.from(column(name), (list) => Array.from(list, String));
  const columns = {
    ...{ id: texts("id"), tenant: texts("tenant"), asset: texts("asset"), revision: numbers("revision") },
    ...{ start_ms: numbers("start_ms"), end_ms: numbers("end_ms") },
    ...{ spoken: texts("spoken"), written: texts("written"), described: texts("described") },
    ...{ names: texts("names"), custom: texts("custom") },
    ...{ labels: lists("labels"), languages: lists("languages"), title: texts("title"), source: texts("source") },
    instants: texts("instants"),
    facets: lists("facets").map(readFacets),
    numbers: texts("numbers").map(readNumbers),
    recorded_ms: Array.from(column("recorded_ms"), (at: number | null) => at ?? undefined),
  };
  const terms = TEXT_FIELDS.map((field) => [field, texts(tokensColumn(field))] as const);
  const at = <C extends Readonly<Record<string, readonly unknown[]>>>(of: C, i: number) =>
    Object.fromEntries(Object.entries(of).map(([name, values]) => [name, values[i]])) as {
      [K in keyof C]: C[K][number];
    };
  return Array.from({ length: table.numRows }, (_, i) => ({
    ...at(columns, i),
    terms: Object.fromEntries(terms.map(([field, values]) => [field, values[i]])) as IndexedMoment["terms"],
  }));
}
