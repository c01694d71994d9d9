import { randomBytes } from "node:crypto";
import { TEXT_FIELDS, type TextField } from "@heimdex/ports";
import type { Field, FixedSizeList, List, Schema } from "apache-arrow";
import type { Arrow } from "./native.ts";

/** Raised when columns change in a way that an older or newer program cannot read. Part of the table's name: formats lie side by side. */
export const FORMAT = 5;

export interface Space {
  /** Its column. */
  readonly column: string;
  readonly dimension: number;
}

/** One column per space, as nullable lists of fixed-size lists in the one table, added when the first vector of a space comes: a side table per space
 * would need a second commit, and readers would see an asset's new texts with its old vectors. Adding a column rewrites no data, keeps every index,
 * and merge-insert takes rows without a vector as null. LanceDB calls such a column a multivector and scores a row by its best vector, so that
 * `limit` counts moments (tried on 0.39; scanning costs as much per vector as a plain column, give or take a third). */
const SPACE_PREFIX = "vector_";

/** Space ids are any text, column names are not: hexadecimal is unambiguous and needs no quoting. */
export function spaceColumn(space: string): string {
  return SPACE_PREFIX + Buffer.from(space, "utf8").toString("hex");
}

export const tokensColumn = (field: TextField): string => `${field}_tokens`;

/** Text fields that are a column; labels are a list. */
export const PLAIN_TEXTS = TEXT_FIELDS.filter((field) => field !== "labels");

/** Columns of moments that a search gives back. */
export const ROW_COLUMNS = [
  "id",
  "tenant",
  "asset",
  "revision",
  "start_ms",
  "end_ms",
  ...PLAIN_TEXTS,
  ...TEXT_FIELDS.map(tokensColumn),
  "labels",
  "languages",
  "title",
  "source",
  "recorded_ms",
  "instants",
  "facets",
  "numbers",
] as const;

/** A table of two kinds of rows. Moments: `summary` is null. Markers: exactly one for each asset ever replaced, also when it has no moments, with its
 * revision and a summary of its rows (see ledger.ts); written in the same commit as the moments, so the two never disagree. Markers have no tokens
 * and no vectors, so no search finds them.
 *
 * Times are float64: exact to 2^53, and JavaScript numbers on the way back (int64 would come as BigInt). */
export function baseFields(arrow: Arrow): Field[] {
  const { Field, Utf8, Int32, Float64, List } = arrow;
  const text = (name: string) => new Field(name, new Utf8(), false);
  const texts = (name: string) => new Field(name, new List(new Field("item", new Utf8(), true)), false);
  return [
    // What merge-insert matches by: one column, because its index serves only single ones.
    text("key"),
    text("id"),
    text("tenant"),
    text("asset"),
    new Field("revision", new Int32(), false),
    new Field("summary", new Utf8(), true),
    new Field("start_ms", new Float64(), false),
    new Field("end_ms", new Float64(), false),
    ...PLAIN_TEXTS.map((field) => text(field)),
    ...TEXT_FIELDS.map((field) => text(tokensColumn(field))),
    texts("labels"),
    texts("label_keys"),
    texts("languages"),
    texts("language_ranges"),
    text("title"),
    text("source"),
    new Field("recorded_ms", new Float64(), true),
    text("instants"),
    texts("facets"),
    text("numbers"),
  ];
}

export function spaceField(arrow: Arrow, { column, dimension }: Space): Field {
  const { Field, FixedSizeList, Float32, List } = arrow;
  const vector = new FixedSizeList(dimension, new Field("item", new Float32(), true));
  return new Field(column, new List(new Field("item", vector, true)), true);
}

/** The one column that says who writes, always empty: see fence.ts. */
const WRITER_PREFIX = "writer_";

/** A writer's name, unlike any other's. */
export const newWriter = (): string => WRITER_PREFIX + randomBytes(8).toString("hex");

export function writerField(arrow: Arrow, writer: string): Field {
  return new arrow.Field(writer, new arrow.Utf8(), true);
}

/** Writers that a table has columns for. */
export function writersOf(schema: Schema): string[] {
  return schema.fields.map(({ name }) => name).filter((name) => name.startsWith(WRITER_PREFIX));
}

/** Spaces that a table has columns for. */
export function spacesOf(schema: Schema): Map<string, Space> {
  const spaces = new Map<string, Space>();
  for (const { name, type } of schema.fields)
    if (name.startsWith(SPACE_PREFIX))
      spaces.set(Buffer.from(name.slice(SPACE_PREFIX.length), "hex").toString("utf8"), {
        column: name,
        dimension: (type as List<FixedSizeList>).valueType.listSize,
      });
  return spaces;
}
