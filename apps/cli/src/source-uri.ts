import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The `file://` URI of a path, whatever characters it holds. */
export function sourceUri(path: string): string {
  return pathToFileURL(resolve(path)).href;
}

/** The path of a `file://` URI; another URI stays as it is. */
export function sourcePath(uri: string): string {
  return uri.startsWith("file://") ? fileURLToPath(uri) : uri;
}
