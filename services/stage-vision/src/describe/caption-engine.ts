import { constants, setPriority } from "node:os";
import { hostEngine, readPicture, restrictFormats } from "@heimdex/engine";
import { type Detail, FlorenceCaptioner } from "./florence-captioner.ts";
import { type Thumbnail, thumbnailOf } from "./thumbnail.ts";

/** What the engine process is started with. */
export interface CaptionEngineInit {
  /** The model's folder. */
  readonly dir: string;
  readonly threads: number;
}

/** A picture (a local file or its bytes) and what is to be known of it. */
export type CaptionRequest =
  | { readonly kind: "thumbnail"; readonly picture: string | Uint8Array }
  | { readonly kind: "caption"; readonly picture: string | Uint8Array; readonly detail: Detail };

export type CaptionResponse = Thumbnail | string;

hostEngine<CaptionEngineInit, CaptionRequest, CaptionResponse>(async ({ dir, threads }) => {
  restrictFormats();
  // Describing costs more than all other stages together, and nothing waits for it: it gets the time that they leave.
  setPriority(constants.priority.PRIORITY_LOW);
  const captioner = await FlorenceCaptioner.open(dir, threads);
  return async (request) => {
    const picture = await readPicture(request.picture);
    return request.kind === "thumbnail" ? thumbnailOf(picture) : captioner.caption(picture, request.detail);
  };
});
