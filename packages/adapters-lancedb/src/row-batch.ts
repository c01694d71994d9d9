import { setImmediate as nextTurn } from "node:timers/promises";
import { HeimdexError } from "@heimdex/errors";
import { type AssetRows, type MomentRow, TEXT_FIELDS, type TextField, textOf } from "@heimdex/ports";
import type { Data, DataType, Schema, Table, Utf8 } from "apache-arrow";
import { writeFacets } from "./facet-terms.ts";
import { languageRanges } from "./filter-sql.ts";
import { type AssetTotals, NO_FIELDS, writeSummary } from "./ledger.ts";
import type { Arrow } from "./native.ts";
import { writeNumbers } from "./number-terms.ts";
import { baseFields, PLAIN_TEXTS, type Space, spaceField, tokensColumn, writerField } from "./table-schema.ts";
import { type Analyze, cleanTokens, labelKey } from "./tokens.ts";

/** Rows turned into columns between two turns of the event loop: some milliseconds. */
const ROWS_PER_TURN = 256;

interface TableRow {
  readonly key: string;
  readonly summary: string | undefined;
  readonly tokens: Readonly<Record<TextField, string>>;
  readonly labelKeys: readonly string[];
  readonly moment: MomentRow;
}

/** Assets as an Arrow table to merge in for a writer, and their totals. Gives way to the event loop while it works. */
export async function rowBatch(
  arrow: Arrow,
  batch: readonly AssetRows[],
  spaces: ReadonlyMap<string, Space>,
  writer: string,
  analyze: Analyze,
): Promise<{ readonly table: Table; readonly totals: ReadonlyMap<string, ReadonlyMap<string, AssetTotals>> }> {
  const schema = schemaOf(arrow, spaces, writer);
  const batches: Data[] = [];
  const totals = new Map<string, Map<string, AssetTotals>>();
  const keys = new Set<string>();
  let pending: TableRow[] = [];
  const flush = async () => {
    batches.push(columns(arrow, schema, pending, spaces));
    pending = [];
    await nextTurn();
  };
  for (const asset of batch) {
    const fields = structuredClone(NO_FIELDS) as Record<TextField, { rows: number; tokens: number }>;
    const vectors = new Map<string, number>();
    for (const moment of asset.rows) {
      if (moment.tenant !== asset.tenant || moment.asset !== asset.asset || moment.revision !== asset.revision)
        throw invalid(`moment ${moment.id} is not of asset ${asset.asset} at revision ${asset.revision}`);
      const key = momentKey(moment.tenant, moment.id);
      if (keys.has(key)) throw invalid(`moment ${moment.id} is given twice`);
      keys.add(key);
      for (const [field, numbers] of moment.numbers)
        if (!numbers.every(Number.isFinite)) throw invalid(`moment ${moment.id} has a number in ${field} that is none`);
      const tokens = {} as Record<TextField, string>;
      for (const field of TEXT_FIELDS) {
        const text = textOf(moment, field);
        const words = text === "" ? [] : cleanTokens(analyze(text, moment.languages));
        tokens[field] = words.join(" ");
        fields[field].rows += words.length > 0 ? 1 : 0;
        fields[field].tokens += words.length;
      }
      for (const [space, its] of moment.vectors) if (its.length > 0) vectors.set(space, (vectors.get(space) ?? 0) + 1);
      const labelKeys = [...new Set(moment.labels)].map((label) => labelKey(label, analyze));
      pending.push({ key, summary: undefined, tokens, labelKeys, moment });
      if (pending.length >= ROWS_PER_TURN) await flush();
    }
    const sums: AssetTotals = { revision: asset.revision, rows: asset.rows.length, fields, spaces: vectors };
    const byAsset = totals.get(asset.tenant) ?? new Map<string, AssetTotals>();
    totals.set(asset.tenant, byAsset.set(asset.asset, sums));
    pending.push(marker(asset.tenant, asset.asset, sums));
  }
  await flush();
  const table = new arrow.Table(
    schema,
    batches.map((data) => new arrow.RecordBatch(schema, data as Data<never>)),
  );
  return { table, totals };
}

/** The markers of a tenant's assets alone, to merge in. */
export function markerBatch(
  arrow: Arrow,
  tenant: string,
  totals: ReadonlyMap<string, AssetTotals>,
  spaces: ReadonlyMap<string, Space>,
  writer: string,
): Table {
  const schema = schemaOf(arrow, spaces, writer);
  const rows = [...totals].map(([asset, its]) => marker(tenant, asset, its));
  return new arrow.Table(schema, [new arrow.RecordBatch(schema, columns(arrow, schema, rows, spaces) as Data<never>)]);
}

function schemaOf(arrow: Arrow, spaces: ReadonlyMap<string, Space>, writer: string): Schema {
  const ofSpaces = [...spaces.values()].map((space) => spaceField(arrow, space));
  return new arrow.Schema([...baseFields(arrow), ...ofSpaces, writerField(arrow, writer)]);
}

/** The key of a moment's row. */
export function momentKey(tenant: string, id: string): string {
  return JSON.stringify(["moment", tenant, id]);
}

/** The dimension of each space in the batch. Rejects vectors that cannot be compared: INVALID_ARGUMENT. */
export function spaceDimensions(batch: readonly AssetRows[]): Map<string, number> {
  const dimensions = new Map<string, number>();
  for (const { rows } of batch)
    for (const { id, vectors } of rows)
      for (const [space, its] of vectors)
        for (const vector of its) {
          if (dimensions.get(space) === undefined) dimensions.set(space, vector.length);
          if (vector.length === 0 || dimensions.get(space) !== vector.length)
            throw invalid(`moment ${id} has a vector of ${vector.length} numbers in space ${space}`);
          if (!hasDirection(vector)) throw invalid(`moment ${id} has a vector without direction in space ${space}`);
        }
  return dimensions;
}

/** False for zero, infinite and NaN vectors: cosine similarity is not defined for them. */
export function hasDirection(vector: Float32Array): boolean {
  let norm = 0;
  for (const value of vector) norm += value * value;
  return norm > 0 && Number.isFinite(norm);
}

function invalid(message: string): HeimdexError {
  return new HeimdexError("INVALID_ARGUMENT", `Index: ${message}`);
}

function marker(tenant: string, asset: string, totals: AssetTotals): TableRow {
  const empty = Object.fromEntries(TEXT_FIELDS.map((field) => [field, ""])) as Record<TextField, string>;
  const moment: MomentRow = {
    id: "",
    tenant,
    asset,
    revision: totals.revision,
    start_ms: 0,
    end_ms: 0,
    ...empty,
    facets: new Map(),
    numbers: new Map(),
    labels: [],
    languages: [],
    title: "",
    source: "",
    recorded_ms: undefined,
    instants: "",
    vectors: new Map(),
  };
  const key = JSON.stringify(["asset", tenant, asset]);
  return { key, summary: writeSummary(totals), tokens: empty, labelKeys: [], moment };
}

/** Rows as one record batch's struct. Columns are laid out by hand: Arrow's own builders take half a second for 10,000 rows with vectors. */
function columns(arrow: Arrow, schema: Schema, rows: readonly TableRow[], spaces: ReadonlyMap<string, Space>): Data {
  const { makeData } = arrow;
  const text = (values: readonly (string | undefined)[]): Data<Utf8> => {
    const offsets = new Int32Array(values.length + 1);
    for (let i = 0; i < values.length; i++) offsets[i + 1] = (offsets[i] ?? 0) + Buffer.byteLength(values[i] ?? "");
    const data = Buffer.allocUnsafeSlow(offsets[values.length] ?? 0);
    for (let i = 0; i < values.length; i++) data.write(values[i] ?? "", offsets[i] ?? 0);
    return makeData({ type: new arrow.Utf8(), length: values.length, valueOffsets: offsets, data, ...nulls(values) });
  };
  const texts = (lists: readonly (readonly string[])[]): Data => {
    const offsets = new Int32Array(lists.length + 1);
    for (let i = 0; i < lists.length; i++) offsets[i + 1] = (offsets[i] ?? 0) + (lists[i]?.length ?? 0);
    const type = new arrow.List(new arrow.Field("item", new arrow.Utf8(), true));
    return makeData({ type, length: lists.length, nullCount: 0, valueOffsets: offsets, child: text(lists.flat()) });
  };
  const float = (values: readonly (number | undefined)[]): Data =>
    makeData({
      type: new arrow.Float64(),
      length: values.length,
      data: Float64Array.from(values, (value) => value ?? 0),
      ...nulls(values),
    });
  const vectors = (space: string, dimension: number): Data => {
    const lists = rows.map(({ moment }) => {
      const its = moment.vectors.get(space);
      return its === undefined || its.length === 0 ? undefined : its;
    });
    const offsets = new Int32Array(lists.length + 1);
    for (const [i, its] of lists.entries()) offsets[i + 1] = (offsets[i] ?? 0) + (its?.length ?? 0);
    const all = lists.flatMap((its) => its ?? []);
    const data = new Float32Array(all.length * dimension);
    for (const [i, vector] of all.entries()) data.set(vector, i * dimension);
    const vector = new arrow.FixedSizeList(dimension, new arrow.Field("item", new arrow.Float32(), true));
    const numbers = makeData({ type: new arrow.Float32(), length: data.length, nullCount: 0, data });
    return makeData({
      type: new arrow.List(new arrow.Field("item", vector, true)),
      length: lists.length,
      valueOffsets: offsets,
      child: makeData({ type: vector, length: all.length, nullCount: 0, child: numbers }),
      ...nulls(lists),
    });
  };
  const moments = rows.map((row) => row.moment);
  const byName = new Map<string, Data>([
    ["key", text(rows.map((row) => row.key))],
    ["summary", text(rows.map((row) => row.summary))],
    [
      "revision",
      makeData({
        type: new arrow.Int32(),
        length: rows.length,
        nullCount: 0,
        data: Int32Array.from(moments, (m) => m.revision),
      }),
    ],
    ["start_ms", float(moments.map((m) => m.start_ms))],
    ["end_ms", float(moments.map((m) => m.end_ms))],
    ["recorded_ms", float(moments.map((m) => m.recorded_ms))],
    ["labels", texts(moments.map((m) => m.labels))],
    ["facets", texts(moments.map((m) => writeFacets(m.facets)))],
    ["numbers", text(moments.map((m) => writeNumbers(m.numbers)))],
    ["label_keys", texts(rows.map((row) => row.labelKeys))],
    ["languages", texts(moments.map((m) => m.languages))],
    ["language_ranges", texts(moments.map((m) => languageRanges(m.languages)))],
    ...(["id", "tenant", "asset", "title", "source", "instants", ...PLAIN_TEXTS] as const).map(
      (name) => [name, text(moments.map((m) => m[name]))] as const,
    ),
    ...TEXT_FIELDS.map((field) => [tokensColumn(field), text(rows.map((row) => row.tokens[field]))] as const),
    ...[...spaces].map(([space, { column, dimension }]) => [column, vectors(space, dimension)] as const),
  ]);
  const none = text(rows.map(() => undefined));
  const children = schema.fields.map((field) => byName.get(field.name) ?? (none as Data<DataType>));
  return makeData({ type: new arrow.Struct(schema.fields), length: rows.length, nullCount: 0, children });
}

/** Validity of values, as `makeData` takes it: one bit each, least significant first. */
function nulls(values: readonly unknown[]): { nullCount: number; nullBitmap?: Uint8Array } {
  let nullCount = 0;
  const nullBitmap = new Uint8Array(Math.ceil(values.length / 8));
  for (let i = 0; i < values.length; i++)
    if (values[i] === undefined) nullCount++;
    else nullBitmap[i >> 3] = (nullBitmap[i >> 3] ?? 0) | (1 << (i & 7));
  return nullCount === 0 ? { nullCount } : { nullCount, nullBitmap };
}
