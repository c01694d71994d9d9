import { HeimdexError } from "@heimdex/errors";

/** What tells whether a source is as it was, without reading it. */
export interface SourceFacts {
  /** Bytes. */
  readonly size: number;
  /** Unix ms, fraction kept; 0 where the source states none. */
  readonly modifiedMs: number;
  /** What the source calls these very bytes: an ETag, a digest. Where there is one, it counts in place of the time. */
  readonly tag?: string;
}

/** Whether both are of the same bytes, as far as their source says. */
export function sameFacts(a: SourceFacts, b: SourceFacts): boolean {
  return a.size === b.size && a.tag === b.tag && (a.tag !== undefined || a.modifiedMs === b.modifiedMs);
}

/** Whether equal facts mean equal bytes: a source that states neither time nor tag may say the same of others. */
export function areTelling({ tag, modifiedMs }: SourceFacts): boolean {
  return tag !== undefined || modifiedMs > 0;
}

/** @throws HeimdexError SOURCE_CHANGED when they differ */
export function assertSame(name: string, before: SourceFacts, now: SourceFacts): void {
  if (sameFacts(before, now)) return;
  throw new HeimdexError(
    "SOURCE_CHANGED",
    `${name} changed while it was read (${before.size} bytes before, ${now.size} now)`,
    { metadata: { source: name } },
  );
}
