import { hostEngine, readPicture, restrictFormats } from "@heimdex/engine";
import type { SeenFace } from "./face-engine.ts";
import { openFaceModels } from "./face-models.ts";
import { type FacesToGroup, groupFaces } from "./group-faces.ts";
import { type SeeFacesOptions, seeFaces } from "./see-faces.ts";

/** What the engine process is started with: a model, and its files by the manifest's names. */
export interface FacesEngineInit {
  readonly model: string;
  readonly files: Readonly<Record<string, string>>;
  readonly threads: number;
}

/** Look at a picture (a local file or its bytes), or group what was seen. */
export type FacesRequest =
  | { readonly kind: "look"; readonly picture: string | Uint8Array; readonly options: SeeFacesOptions }
  | { readonly kind: "group"; readonly faces: FacesToGroup };

/** Faces for a look, numbers of groups for a grouping. */
export type FacesResponse = SeenFace[] | number[];

hostEngine<FacesEngineInit, FacesRequest, FacesResponse>(async ({ model, files, threads }) => {
  restrictFormats();
  const models = await openFaceModels(model, files, threads);
  return async (request) =>
    request.kind === "look"
      ? seeFaces(models, await readPicture(request.picture), request.options)
      : groupFaces(request.faces);
});
