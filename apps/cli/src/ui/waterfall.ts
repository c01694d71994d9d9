import { PLAIN, type Style } from "./style.ts";
import { cut, pad, padStart, printable, width } from "./text.ts";
import { duration } from "./time.ts";

export interface Span {
  readonly name: string;
  readonly service: string;
  readonly span_id: string;
  /** "" at the root. */
  readonly parent_id: string;
  readonly start_ms: number;
  readonly duration_ms: number;
  readonly error?: boolean;
}

/** Spans as a tree with a bar for each, on one time scale. Spans whose parent is not there stand at the top; each is shown once. */
export function waterfall(spans: readonly Span[], columns: number, style: Style = PLAIN): string[] {
  if (spans.length === 0) return [];
  const rows = inOrder(spans);
  const from = Math.min(...spans.map(({ start_ms }) => start_ms));
  const to = Math.max(...spans.map(({ start_ms, duration_ms }) => start_ms + duration_ms));
  const total = Math.max(to - from, 0.001);
  const services = Math.max(...spans.map(({ service }) => width(service)));
  const times = Math.max(...spans.map(({ duration_ms }) => width(duration(duration_ms))));
  const longest = Math.max(...rows.map(({ span, depth }) => width(printable(span.name)) + 2 * depth));
  const names = Math.max(12, Math.min(longest, Math.floor(columns * 0.4)));
  const cells = Math.max(10, columns - names - services - times - 7);
  return rows.map(({ span, depth }) => {
    const name = pad(cut(`${"  ".repeat(depth)}${printable(span.name)}`, names), names);
    const begin = Math.min(cells - 1, Math.floor(((span.start_ms - from) / total) * cells));
    const length = Math.max(1, Math.min(cells - begin, Math.round((span.duration_ms / total) * cells)));
    const bar = "━".repeat(length);
    const painted = span.error === true ? style.bad(bar) : style.good(bar);
    const failed = span.error === true ? style.bad(" ✗") : "";
    return `${span.error === true ? style.bad(name) : name}  ${style.dim(pad(span.service, services))}  ${padStart(duration(span.duration_ms), times)}  ${" ".repeat(begin)}${painted}${failed}`;
  });
}

/** Depth first, children by start. A span that is its own ancestor would be drawn for ever: it is taken for a root. */
function inOrder(spans: readonly Span[]): { readonly span: Span; readonly depth: number }[] {
  const byId = new Map(spans.map((span) => [span.span_id, span]));
  const children = new Map<string, Span[]>();
  for (const span of [...spans].sort((a, b) => a.start_ms - b.start_ms || b.duration_ms - a.duration_ms)) {
    const parent = byId.has(span.parent_id) && span.parent_id !== span.span_id ? span.parent_id : "";
    children.set(parent, [...(children.get(parent) ?? []), span]);
  }
  const rows: { span: Span; depth: number }[] = [];
  const drawn = new Set<string>();
  const visit = (span: Span, depth: number): void => {
    if (drawn.has(span.span_id)) return;
    drawn.add(span.span_id);
    rows.push({ span, depth });
    for (const child of children.get(span.span_id) ?? []) visit(child, depth + 1);
  };
  for (const span of children.get("") ?? []) visit(span, 0);
  for (const span of spans) visit(span, 0);
  return rows;
}
