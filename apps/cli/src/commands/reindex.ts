import { Archive } from "../archive.ts";
import type { Context } from "../context.ts";
import { EXIT_FAILED } from "../exit-code.ts";
import { count, printable } from "../ui/text.ts";

/** `reindex` */
export async function reindex(context: Context): Promise<number | undefined> {
  const { terminal } = context;
  await using archive = await Archive.open(context, { needs: "nothing" });
  const began = performance.now();
  terminal.note("Building the search index from the sidecars...");
  const { assets, moments, failures } = await archive.call((api) => api.system.reindex({}, { signal: context.signal }));
  const tookMs = Math.round(performance.now() - began);
  terminal.document({ assets, moments, failures, took_ms: tookMs });
  terminal.line(`${count(moments, "moment")} of ${count(assets, "asset")} can be searched (${tookMs} ms)`);
  for (const failure of failures) terminal.note(`${terminal.noteStyle.bad("not indexed:")} ${printable(failure)}`);
  if (failures.length > 0) terminal.note("  next: index these assets again: heimdex index PATH");
  return failures.length > 0 ? EXIT_FAILED : undefined;
}
