import type { Bounds } from "./quad.ts";

/** Indices of the boxes in the order a person reads them: rows from the top, each from the left; columns of running text one
 * after the other.
 *
 * The page is cut at white space, first across and then down, again and again (as XY-cut does; Nagy and Seth 1984). A white
 * gap from top to bottom of some bands parts columns only if there is running text on both sides, that is several long
 * lines: so a table's cells or the two sides of closing credits ("Director   Jane Roe") stay in one row. */
export function readingOrder(boxes: readonly Bounds[]): number[] {
  return order([...boxes.keys()], boxes);
}

/** Lines this much longer than high are running text rather than labels: about 16 Latin letters. */
const RUNNING_TEXT_RATIO = 8;
/** So many of them make a column. */
const MIN_COLUMN_LINES = 2;

function order(members: readonly number[], boxes: readonly Bounds[]): number[] {
  const box = (i: number) => boxes[i] as Bounds;
  const columnsOf = (some: readonly number[]) => split(some, (i) => [box(i).x, box(i).x + box(i).w]);
  const isRunning = (i: number) => box(i).w >= RUNNING_TEXT_RATIO * box(i).h;
  const ordered: number[] = [];

  const bands = split(members, (i) => [box(i).y, box(i).y + box(i).h]);
  for (let from = 0, to = 0; from < bands.length; from = to) {
    // As many bands as share a gap: a line over the whole width ends them.
    let block = bands[from] as number[];
    let columns = columnsOf(block);
    for (to = from + 1; to < bands.length; to++) {
      const larger = [...block, ...(bands[to] as number[])];
      const narrower = columnsOf(larger);
      if (narrower.length < 2) break;
      block = larger;
      columns = narrower;
    }
    const areColumns = columns.length > 1 && columns.every((c) => c.filter(isRunning).length >= MIN_COLUMN_LINES);
    if (areColumns) ordered.push(...columns.flatMap((column) => order(column, boxes)));
    else ordered.push(...bands.slice(from, to).flatMap((band) => rows(band, boxes)));
  }
  return ordered;
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
