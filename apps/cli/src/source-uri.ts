import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseSource, sourceName } from "@heimdex/sources/names";

/** Whether a text is a URI, such as `https://...` or `file:///...`, rather than a path. */
export function isUri(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
}

/** The URI of a source that is named by it, or by a path, whatever characters it holds. @throws HeimdexError SOURCE_UNSUPPORTED */
export function sourceUri(text: string): string {
  return isUri(text) ? parseSource(text).uri : pathToFileURL(resolve(text)).href;
}

/** A source for people: its path, the name of what was uploaded, or its URI. */
export function shownSource(uri: string): string {
  return uri.startsWith("heimdex://") ? `${sourceName(uri)} (uploaded)` : sourcePath(uri);
}

/** The path of a `file://` URI; another URI stays as it is. */
export function sourcePath(uri: string): string {
  return uri.startsWith("file://") ? fileURLToPath(uri) : uri;
}
