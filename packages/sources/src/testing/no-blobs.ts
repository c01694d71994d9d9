import type { Blobs } from "@heimdex/ports";

/** For tests of sources that are no uploads: nothing may ask for a blob. */
export function noBlobs(): Blobs {
  return new Proxy({} as Blobs, {
    get(_, name) {
      throw new Error(`the blobs' ${String(name)} was asked for`);
    },
  });
}
