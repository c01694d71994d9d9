import type { ModelEntry } from "./manifest-schema.ts";

/** Bytes to download, as far as the manifest states them; 0 where it does not. */
export function downloadSize({ source, files }: ModelEntry): number {
  if (source.kind === "npm") return source.size;
  return source.kind === "system" ? 0 : sizeOf(files);
}

/** Bytes of files, as far as they are known. */
export function sizeOf(files: Readonly<Record<string, { readonly size?: number | undefined }>>): number {
  return Object.values(files).reduce((sum, { size = 0 }) => sum + size, 0);
}
