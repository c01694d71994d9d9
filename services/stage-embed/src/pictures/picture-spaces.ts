/** Names what layer-encoder.ts does; any change of results needs another name, and so makes another space. */
export const LAYER_PREPROCESSING = "pillow-bilinear-256-expanded_conv_14-add-means-1-4-1";
/** Channels of the layer, for the whole picture and for each of its quarters. */
export const LAYER_CHANNELS = 120;
export const LAYER_DIMENSION = LAYER_CHANNELS * (1 + 4);

/** The same for siglip-encoder.ts. */
export const SIGLIP_PREPROCESSING = "pillow-bilinear-224-lower-case-64-1";
export const SIGLIP_DIMENSION = 768;
/** Sides of the picture it takes, in pixels. */
export const SIGLIP_SIDE = 224;
