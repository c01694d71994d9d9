import type { JsonSchema } from "./schema-document.ts";

/** What stands below this line of a page is generated. */
export const MARKER = "<!-- Below this line the page is generated from packages/sidecar: do not edit. -->";

/** Types in the order a reader meets them; others follow by name. */
const READING_ORDER = [
  ...["Sidecar", "Asset", "Source", "Media", "Stream", "Chapter", "Run", "RunModel", "RunInput"],
  ...["ShotsLayer", "ShotItem", "ScenesLayer", "SceneItem", "KeyframesLayer", "KeyframeItem"],
  ...["TranscriptLayer", "TranscriptItem", "Word", "TextLayer", "TextItem", "FacesLayer", "FaceItem"],
  ...["ObjectsLayer", "ObjectItem", "CaptionsLayer", "CaptionItem", "EmbeddingsLayer", "EmbeddingItem", "Space"],
  ...["CustomLayer", "CustomItem", "BlobReference", "Rational", "Box", "Point"],
];

/** The reference of every type and field, as Markdown. */
export function fieldReference(schema: JsonSchema): string {
  const types = Object.entries(schema.$defs ?? {});
  const rank = (name: string) => (READING_ORDER.includes(name) ? READING_ORDER.indexOf(name) : READING_ORDER.length);
  types.sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1));
  return types.map(([name, type]) => section(name, type)).join("\n");
}

function section(name: string, type: JsonSchema): string {
  const lines = [
    `### ${name}`,
    "",
    `${type.description ?? ""}`,
    "",
    "| field | type | unit | meaning | example |",
    "| --- | --- | --- | --- | --- |",
  ];
  lines.push(...rows("", type));
  const example = type.examples?.[0];
  if (example !== undefined) lines.push("", "```json", JSON.stringify(example, undefined, 2), "```");
  return `${lines.join("\n")}\n`;
}

/** One row for each field; the fields of an unnamed object stand below it as `outer.inner`. */
function rows(prefix: string, type: JsonSchema): string[] {
  return Object.entries(type.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const required = type.required?.includes(name) === true;
    const cells = [
      `\`${path}\`${required ? "" : " ?"}`,
      typeName(field),
      field["x-unit"] ?? "",
      field.description ?? "",
      exampleCell(field),
    ];
    const nested = field.properties === undefined ? [] : rows(`${path}.`, field);
    return [`| ${cells.map(escaped).join(" | ")} |`, ...nested];
  });
}

function typeName(field: JsonSchema): string {
  if (field.$ref !== undefined) return link(field.$ref);
  if (field.anyOf !== undefined) {
    const options = field.anyOf.map(typeName);
    return options.join(" or ");
  }
  if (field.const !== undefined) return `\`${JSON.stringify(field.const)}\``;
  if (field.enum !== undefined) return field.enum.map((value) => `\`${JSON.stringify(value)}\``).join(" or ");
  if (field.type === "array") return `list of ${typeName(field.items ?? {})}`;
  if (field.properties !== undefined) return "object";
  if (field.type === "object") return "object of any fields";
  const limits = [
    field.minimum === undefined ? "" : `from ${field.minimum}`,
    field.maximum === undefined ? "" : `to ${field.maximum}`,
    field.maxLength === undefined ? "" : `to ${field.maxLength} characters`,
    field.pattern === undefined ? "" : `\`${field.pattern}\``,
  ].filter((limit) => limit !== "");
  return [field.type ?? "any", ...limits].join(" ");
}

function link(ref: string): string {
  const name = ref.split("/").at(-1) ?? "";
  return `[${name}](#${name.toLowerCase()})`;
}

function exampleCell(field: JsonSchema): string {
  if (field.examples?.[0] !== undefined) return `\`${JSON.stringify(field.examples[0])}\``;
  const inner = field.items ?? field;
  if (inner.anyOf !== undefined) return "the layers of the whole example";
  if (inner.$ref !== undefined) return `see ${link(inner.$ref)}`;
  return field.properties === undefined ? "" : "see below";
}

function escaped(cell: string): string {
  return cell.replaceAll("|", "\\|");
}

/** The page with everything below its marker made new. Throws where there is no marker. */
export function renderPage(page: string, generated: string): string {
  const at = page.indexOf(MARKER);
  if (at < 0) throw new Error(`the page has no line ${MARKER}`);
  return `${page.slice(0, at)}${MARKER}\n\n${generated}`;
}
