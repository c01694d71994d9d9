import { EngineError, type GraphModel, openGraphModel, type Picture, resized } from "@heimdex/engine";
import { unitVector } from "../unit-vector.ts";
import type { PictureEncoder } from "./picture-encoder.ts";
import { LAYER_CHANNELS, LAYER_DIMENSION } from "./picture-spaces.ts";

/** The sum that ends the backbone's last bottleneck, 1/32 of the picture's sides, 120 channels. */
const LAYER = "tower_0/MobilenetV3/expanded_conv_14/add";
const SIDE = 256;
/** The whole picture, and its quarters. */
const GRIDS = [1, 2] as const;

/** Vectors from inside a detector: means of a layer of the MobileNetV3 backbone in `@vladmandic/human`'s CenterNet
 * (github.com/610265158/mobilenetv3_centernet), over the whole picture and over each quarter. The layer is the last before the detector's own head: what it tells apart are
 * textures, parts and things. It is linear (no activation behind it), so unrelated pictures lie at a cosine of 0.4 and not of 0.9 as with activations
 * that are never negative; quarters add where things are. It was chosen by measurement: README.md of this package. */
export class LayerEncoder implements PictureEncoder {
  readonly #model: GraphModel;

  private constructor(model: GraphModel) {
    this.#model = model;
  }

  /** Loads the model and tries it: the first run takes longer, as it compiles. @throws EngineError MODEL_UNUSABLE */
  static async open(files: Readonly<Record<string, string>>): Promise<LayerEncoder> {
    const { "centernet.json": graph = "", "centernet.bin": weights = "" } = files;
    const encoder = new LayerEncoder(await openGraphModel({ graph, weights }, { anySize: true }));
    await encoder.encodePicture({ width: 1, height: 1, rgb: Uint8Array.of(255, 128, 0) });
    return encoder;
  }

  async encodePicture(picture: Picture): Promise<Float32Array> {
    const { rgb } = resized(picture, SIDE, SIDE);
    const [layer] = await this.#model.run(Float32Array.from(rgb), [1, SIDE, SIDE, 3], [LAYER]);
    const [, height = 0, width = 0, channels] = layer?.dims ?? [];
    if (layer === undefined || channels !== LAYER_CHANNELS) {
      throw new EngineError("MODEL_UNUSABLE", `its layer ${LAYER} has ${channels} channels, not ${LAYER_CHANNELS}`);
    }
    const vector = new Float64Array(LAYER_DIMENSION);
    let offset = 0;
    for (const grid of GRIDS) {
      const means = gridMeans(layer.data, height, width, grid);
      // Each grid counts alike, however many cells it has.
      vector.set(unitVector(means), offset);
      offset += means.length;
    }
    return unitVector(vector);
  }
}

/** Means over grid x grid equal cells, cell by cell, LAYER_CHANNELS each. */
function gridMeans(data: Float32Array, height: number, width: number, grid: number): Float64Array {
  const sums = new Float64Array(LAYER_CHANNELS * grid * grid);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const cell = Math.floor((y * grid) / height) * grid + Math.floor((x * grid) / width);
      for (let channel = 0; channel < LAYER_CHANNELS; channel++) {
        (sums[cell * LAYER_CHANNELS + channel] as number) += data[at++] as number;
      }
    }
  }
  return sums.map((sum) => (sum * grid * grid) / (width * height));
}
