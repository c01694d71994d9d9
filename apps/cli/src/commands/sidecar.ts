import { Archive } from "../archive.ts";
import type { Context } from "../context.ts";
import { findAsset } from "../find-asset.ts";
import { sidecarText } from "../sidecar-text.ts";

/** `sidecar`: the document as it is stored, `--json` or not. */
export async function sidecar(context: Context, name: string, options: { revision?: number }): Promise<undefined> {
  await using archive = await Archive.open(context, { needs: "nothing" });
  const { asset } = await findAsset(archive, name);
  const text = await sidecarText(archive, asset, options.revision ?? 0, context.signal);
  context.terminal.raw(text.endsWith("\n") ? text : `${text}\n`);
}
