import { EngineError, hostEngine, readPicture, restrictFormats } from "@heimdex/engine";
import { LayerEncoder } from "./layer-encoder.ts";
import type { PictureEncoder } from "./picture-encoder.ts";
import { SiglipEncoder, type SiglipOptions } from "./siglip-encoder.ts";

/** What the engine process is started with. */
export type PictureEngineInit =
  | { readonly kind: "layer"; readonly files: Readonly<Record<string, string>> }
  | ({ readonly kind: "siglip" } & SiglipOptions);

/** A picture (a local file, or its bytes) or a text. */
export type PictureRequest = { readonly picture: string | Uint8Array } | { readonly text: string };

/** The vector; undefined when nothing can be said. */
export type PictureResponse = Float32Array | undefined;

hostEngine<PictureEngineInit, PictureRequest, PictureResponse>(async (init) => {
  restrictFormats();
  const encoder: PictureEncoder =
    init.kind === "layer" ? await LayerEncoder.open(init.files) : await SiglipEncoder.open(init);
  return async (request) => {
    if ("picture" in request) return encoder.encodePicture(await readPicture(request.picture));
    if (encoder.encodeText === undefined)
      throw new EngineError("NO_TEXT_SIDE", "This process was started for pictures.");
    return encoder.encodeText(request.text);
  };
});
