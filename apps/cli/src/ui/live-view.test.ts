import assert from "node:assert/strict";
import { test } from "node:test";
import { LiveView } from "./live-view.ts";
import { COLOURED } from "./style.ts";
import { width } from "./text.ts";

const ESC = "\u001b";
const PARTS = new RegExp(`${ESC}\\[\\d+[AJ]|\\r|\\n|[^${ESC}\\r\\n]+|${ESC}\\[[\\d;]*m`, "g");
const UP = new RegExp(`^${ESC}\\[(\\d+)A$`);

/** A terminal that remembers its lines and the cursor's row, and wraps and reflows as terminals do. */
class Screen {
  columns = 40;
  rows = 10;
  /** Lines as they were written, before wrapping. */
  lines: string[] = [""];

  write(text: string): void {
    for (const [part] of text.matchAll(PARTS)) {
      const up = UP.exec(part);
      if (up !== null) this.#up(Number(up[1]));
      else if (part === "\u001b[0J") this.lines[this.lines.length - 1] = "";
      else if (part === "\n") this.lines.push("");
      else if (part !== "\r") this.lines[this.lines.length - 1] += part;
    }
  }

  /** The cursor always stands on the last line here, so going up removes what is passed: the erase that follows would. */
  #up(rows: number): void {
    let left = rows;
    this.lines.pop();
    while (left > 0) {
      const line = this.lines.pop() ?? "";
      left -= Math.max(1, Math.ceil(width(line) / this.columns));
    }
    assert.equal(left, 0, "the cursor stopped in the middle of a line");
    this.lines.push("");
  }
}

test("lines are redrawn in place, and what is printed stays above them", () => {
  const screen = new Screen();
  const view = new LiveView(screen);
  view.show(["one", "two"]);
  view.show(["one again"]);
  view.above(() => screen.write("printed\n"));
  assert.deepEqual(screen.lines, ["printed", "one again", ""]);
  view.close();
  assert.deepEqual(screen.lines, ["printed", ""]);
});

test("a narrower terminal, which wraps what is there, leaves nothing behind", () => {
  const screen = new Screen();
  const view = new LiveView(screen);
  screen.write("before\n");
  view.show(["x".repeat(60), "short"]);
  assert.deepEqual(screen.lines.map(width), [6, 39, 5, 0]);
  screen.columns = 20;
  view.show(["after"]);
  assert.deepEqual(screen.lines, ["before", "after", ""]);
});

test("at most a screenful is shown, its last lines, and colours are closed where they are cut", () => {
  const screen = new Screen();
  screen.rows = 4;
  const view = new LiveView(screen);
  view.show(["1", "2", "3", "4", COLOURED.bad("5".repeat(80))]);
  assert.deepEqual(screen.lines.slice(0, 2), ["3", "4"]);
  assert.ok(screen.lines[2]?.endsWith("\u001b[0m"));
  assert.equal(width(screen.lines[2] ?? ""), 39);
});
