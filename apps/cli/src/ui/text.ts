import { stripVTControlCharacters } from "node:util";

// Format characters (Cf) take no room and may turn the direction of a line around; C0, C1 and separators would move the cursor.
const UNSHOWABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u{D800}-\u{DFFF}]/gu;

/** A name or message as it may be shown on one line: control characters, which could drive a terminal, appear as escapes. Tools and file names are
 * not trusted to be free of them. */
export function printable(text: string): string {
  return text.replace(UNSHOWABLE, (character) => {
    if (character === "\n") return "\\n";
    if (character === "\t") return "\\t";
    if (character === "\r") return "\\r";
    const code = (character.codePointAt(0) ?? 0).toString(16);
    return `\\u{${code}}`;
  });
}

// East Asian wide and fullwidth letters and emoji: the blocks that terminals agree to draw two cells wide.
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const ZERO = /\p{M}/u;

/** Cells a text takes in a terminal, its colours not counted. */
export function width(text: string): number {
  let cells = 0;
  for (const character of stripVTControlCharacters(text)) {
    if (!ZERO.test(character)) cells += WIDE.test(character) ? 2 : 1;
  }
  return cells;
}

/** The start of a plain text within so many cells; `…` says that something is missing. */
export function cut(text: string, cells: number): string {
  if (width(text) <= cells) return text;
  if (cells <= 0) return "";
  let kept = "";
  let used = 1; // the ellipsis
  for (const character of text) {
    used += width(character);
    if (used > cells) break;
    kept += character;
  }
  return `${kept}…`;
}

/** The end of a plain text within so many cells: of paths the end tells most. */
export function cutStart(text: string, cells: number): string {
  if (width(text) <= cells) return text;
  return [...cut([...text].reverse().join(""), cells)].reverse().join("");
}

/** Fills up with spaces on the right. */
export function pad(text: string, cells: number): string {
  return text + " ".repeat(Math.max(0, cells - width(text)));
}

/** Fills up with spaces on the left. */
export function padStart(text: string, cells: number): string {
  return " ".repeat(Math.max(0, cells - width(text))) + text;
}

/** Rows as columns, two spaces apart. The last column is left ragged. `right` names the columns aligned to the right, from 0. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows) for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, width(cell));
  return rows.map((row) =>
    row
      .map((cell, at) =>
        right.includes(at)
          ? padStart(cell, widths[at] ?? 0)
          : at === row.length - 1
            ? cell
            : pad(cell, widths[at] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
}

/** `1 file`, `2 files`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString("en-US")} ${n === 1 ? one : many}`;
}

/** Bytes in the largest binary unit that leaves at least 1: `3.4 MiB`. */
export function bytes(n: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let at = 0;
  let value = n;
  while (value >= 1024 && at < units.length - 1) {
    value /= 1024;
    at++;
  }
  return `${at === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[at]}`;
}
