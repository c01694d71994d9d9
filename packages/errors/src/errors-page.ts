import { ERRORS } from "./registry.ts";

/** What stands below this line of the page is generated. */
export const MARKER = "<!-- Below this line the page is generated from packages/errors: do not edit. -->";

/** The registry as a Markdown table, ids in the registry's order. */
export function errorTable(): string {
  const rows = Object.entries(ERRORS).map(
    ([id, { code, meaning, help }]) => `| \`${id}\` | ${code} | ${cell(meaning)} | ${cell(help)} |`,
  );
  return ["| id | gRPC code | meaning | what to do |", "| --- | --- | --- | --- |", ...rows, ""].join("\n");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

/** The page with everything below its marker made new. Throws where there is no marker. */
export function renderPage(page: string): string {
  const at = page.indexOf(MARKER);
  if (at < 0) throw new Error(`the page has no line ${MARKER}`);
  return `${page.slice(0, at)}${MARKER}\n\n${errorTable()}`;
}
