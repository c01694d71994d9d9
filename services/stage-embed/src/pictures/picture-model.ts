import type { Located } from "../space-models.ts";
import { threadsFor } from "../threads.ts";
import type { PictureEngineInit } from "./picture-engine.ts";
import {
  LAYER_DIMENSION,
  LAYER_PREPROCESSING,
  SIGLIP_DIMENSION,
  SIGLIP_PREPROCESSING,
  SIGLIP_SIDE,
} from "./picture-spaces.ts";

/** A picture model that can be chosen for `embed.image`. */
export interface PictureModel {
  readonly id: string;
  /** Numbers in a vector. */
  readonly dimension: number;
  /** Names everything our code does around the model. */
  readonly preprocessing: string;
  /** Whether texts have vectors in its space. */
  readonly texts: boolean;
  /** What its process is started with. */
  init(located: Located, lane: "batch" | "query"): PictureEngineInit;
}

export const PICTURE_MODELS: readonly PictureModel[] = [
  {
    id: "human-pictures",
    dimension: LAYER_DIMENSION,
    preprocessing: LAYER_PREPROCESSING,
    texts: false,
    init: ({ files }) => ({ kind: "layer", files }),
  },
  {
    id: "siglip2-base-patch16-224",
    dimension: SIGLIP_DIMENSION,
    preprocessing: SIGLIP_PREPROCESSING,
    texts: true,
    init: ({ dir }, lane) => ({
      kind: "siglip",
      dir,
      dimension: SIGLIP_DIMENSION,
      side: SIGLIP_SIDE,
      texts: lane === "query",
      threads: threadsFor(lane),
    }),
  },
];
