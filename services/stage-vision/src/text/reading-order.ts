import type { Bounds } from "./quad.ts";

/** Indices of the boxes in the order a person reads them: rows from the top, each from the left; columns of running text one
 * after the other.
 *
 * The page is cut recursively at white space (XY-cut; Nagy and Seth 1984). A white gap from top to bottom parts columns only
 * if there is running text on both sides, that is several long lines: else the cut runs between rows, so that a table's
 * cells or the two sides of closing credits ("Director   Jane Roe") stay in one row. */
export function readingOrder(boxes: readonly Bounds[]): number[] {
  return order([...boxes.keys()], boxes);
}

/** Lines this much longer than high are running text rather than labels: about 16 Latin letters. */
const RUNNING_TEXT_RATIO = 8;
/** So many of them make a column. */
const MIN_COLUMN_LINES = 2;

function order(members: readonly number[], boxes: readonly Bounds[]): number[] {
  if (members.length < 2) return [...members];
  const box = (i: number) => boxes[i] as Bounds;

  const columns = split(members, (i) => [box(i).x, box(i).x + box(i).w]);
  if (columns.length > 1) {
    const running = columns.map((column) => column.filter((i) => box(i).w >= RUNNING_TEXT_RATIO * box(i).h).length);
    if (running.every((lines) => lines >= MIN_COLUMN_LINES)) return columns.flatMap((column) => order(column, boxes));
  }
  const bands = split(members, (i) => [box(i).y, box(i).y + box(i).h]);
  if (bands.length > 1) {
    // A headline over two columns: the bands below it must be looked at together, or each row would be cut by itself.
    const [first, ...rest] = bands as [number[], ...number[][]];
    return [...order(first, boxes), ...order(rest.flat(), boxes)];
  }
  return rows(members, boxes);
}

/** Groups of members whose spans overlap, in order. */
function split(members: readonly number[], span: (member: number) => readonly [number, number]): number[][] {
  const groups: number[][] = [];
  let end = -Infinity;
  for (const member of [...members].sort((a, b) => span(a)[0] - span(b)[0] || a - b)) {
    const [from, to] = span(member);
    if (from >= end) groups.push([]);
    groups.at(-1)?.push(member);
    end = Math.max(end, to);
  }
  return groups;
}

/** Boxes belong to one row when the middle of the one lies within the row's first box. */
function rows(members: readonly number[], boxes: readonly Bounds[]): number[] {
  const box = (i: number) => boxes[i] as Bounds;
  const middle = (i: number) => box(i).y + box(i).h / 2;
  const lines: number[][] = [];
  for (const member of [...members].sort((a, b) => middle(a) - middle(b) || box(a).x - box(b).x || a - b)) {
    const line = lines.at(-1);
    const head = line?.[0];
    if (head !== undefined && middle(member) < box(head).y + box(head).h) line?.push(member);
    else lines.push([member]);
  }
  return lines.flatMap((line) => line.sort((a, b) => box(a).x - box(b).x || a - b));
}
