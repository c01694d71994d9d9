import { hostEngine, readPicture, restrictFormats } from "@heimdex/engine";
import type { SeenObject } from "./object-engine.ts";
import { openObjectModel } from "./object-models.ts";
import { type SeeObjectsOptions, seeObjects } from "./see-objects.ts";

/** What the engine process is started with: a model, and its files by the manifest's names. */
export interface ObjectsEngineInit {
  readonly model: string;
  readonly files: Readonly<Record<string, string>>;
  readonly threads: number;
}

/** A picture to look at: a local file or its bytes. */
export interface ObjectsRequest extends SeeObjectsOptions {
  readonly picture: string | Uint8Array;
}

hostEngine<ObjectsEngineInit, ObjectsRequest, SeenObject[]>(async ({ model, files, threads }) => {
  restrictFormats();
  const opened = await openObjectModel(model, files, threads);
  return async ({ picture, ...options }) => seeObjects(opened, await readPicture(picture), options);
});
