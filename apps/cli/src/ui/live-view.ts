import { cut, width } from "./text.ts";

/** What a live view needs of a terminal: `process.stderr` has it. */
export interface LiveStream {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

/** A few lines at the end of the terminal's output that are drawn again in place. Whatever else is printed goes through `above`, so that it lands
 * above them. Safe to resize: lines are never wider than the terminal was, and what a narrower one wrapped is counted when they are taken away. */
export class LiveView {
  readonly #stream: LiveStream;
  /** Widths in cells of the lines on the screen. */
  #shown: number[] = [];
  #lines: readonly string[] = [];

  constructor(stream: LiveStream) {
    this.#stream = stream;
  }

  /** Columns and rows that lines may use. */
  get size(): { readonly columns: number; readonly rows: number } {
    return { columns: Math.max(20, this.#stream.columns ?? 80), rows: Math.max(3, this.#stream.rows ?? 24) };
  }

  /** Replaces the lines. At most a screenful is shown: the last ones. */
  show(lines: readonly string[]): void {
    this.#lines = lines;
    this.#draw("");
  }

  /** Runs `print`, which may write to the same terminal, with the lines out of the way. */
  above(print: () => void): void {
    const erase = this.#erase();
    if (erase !== "") this.#stream.write(erase);
    print();
    this.#draw("");
  }

  /** Takes the lines away. */
  close(): void {
    this.#lines = [];
    this.#draw("");
  }

  #draw(before: string): void {
    const { columns, rows } = this.size;
    const fitting = this.#lines.slice(-(rows - 1)).map((line) => fit(line, columns - 1));
    const text = before + this.#erase() + fitting.map((line) => `${line}\n`).join("");
    this.#shown = fitting.map((line) => width(line));
    // One write: a terminal that draws between two would flicker.
    if (text !== "") this.#stream.write(text);
  }

  #erase(): string {
    if (this.#shown.length === 0) return "";
    const { columns } = this.size;
    const rows = this.#shown.reduce((sum, cells) => sum + Math.max(1, Math.ceil(cells / columns)), 0);
    this.#shown = [];
    return `\r\u001b[${rows}A\u001b[0J`;
  }
}

/** Lines with colours are made to fit by whoever paints them; a plain one is cut here. */
function fit(line: string, cells: number): string {
  if (width(line) <= cells) return line;
  return line.includes("\u001b") ? `${cutPainted(line, cells)}\u001b[0m` : cut(line, cells);
}

const ESCAPE = "\u001b";
const PAINTED_PARTS = new RegExp(`${ESCAPE}\\[[0-9;]*m|[^${ESCAPE}]+`, "g");

function cutPainted(line: string, cells: number): string {
  let kept = "";
  let left = cells;
  for (const [part] of line.matchAll(PAINTED_PARTS)) {
    if (part.startsWith("\u001b")) {
      kept += part;
      continue;
    }
    const piece = cut(part, left);
    kept += piece;
    left -= width(piece);
    if (left <= 0) break;
  }
  return kept;
}
