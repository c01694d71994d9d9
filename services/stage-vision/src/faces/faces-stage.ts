import { createHash } from "node:crypto";
import { endianness } from "node:os";
import { type FaceItem, LAYER_VERSION, type Space, type StageLayer } from "@heimdex/sidecar";
import { bytes, defineStage, layer, many, type OutputBytes, optional } from "@heimdex/stage-sdk";
import { z } from "zod";
import { blobOf, jsonLines } from "../blobs/blob-of.ts";
import { lookAtKeyframes, UnreadableKeyframes } from "../keyframes/look-at-keyframes.ts";
import { ModelEngine } from "../model-engine.ts";
import { defaultThreads, needModel, type PresentModel, probeEngine } from "../model-in-use.ts";
import { thousandths } from "../picture/parts.ts";
import type { SeenFace } from "./face-engine.ts";
import { faceModelFacts } from "./face-models.ts";
import { type FaceOverTime, FaceTimeline } from "./face-timeline.ts";
import type { FacesEngineInit, FacesRequest, FacesResponse } from "./faces-engine.ts";
import type { FacesToGroup } from "./group-faces.ts";

const NAME = "vision.faces";

const config = z.object({
  min_confidence: z.number().min(0).max(1).default(0.5).meta({
    description: "Faces the detector is less sure of are left out, 0..1.",
  }),
  max_faces_per_keyframe: z.int().min(1).max(200).default(30).meta({
    description: "Of a crowd, the surest so many faces on one keyframe.",
  }),
  max_faces: z.int().min(1).max(4_000).default(2_000).meta({
    description: "Faces of one asset at most; beyond it those of the best quality are kept, and the result is partial.",
  }),
});

/** `vision.faces`: who is seen, once for each stretch of time, grouped by person within the asset. Nobody is named. */
export function createFacesStage(options: { readonly threads?: number } = {}) {
  const threads = options.threads ?? defaultThreads();
  const engine = new ModelEngine<FacesEngineInit, FacesRequest, FacesResponse>(
    new URL("./faces-engine.ts", import.meta.url),
    ({ id, files }) => ({ model: id, files, threads }),
  );

  return defineStage({
    name: NAME,
    version: "0.1.0",
    behaviour: 2,
    description: "Finds faces on keyframes and groups them by person, without naming anyone",
    inputs: { keyframes: layer("keyframes"), images: many(bytes("image/jpeg", "heimdex.keyframe")) },
    outputs: {
      faces: layer("faces"),
      vectors: optional(bytes("application/octet-stream", "heimdex.face-vectors")),
      crops: many(bytes("image/jpeg", "heimdex.face-crop")),
      tracks: optional(bytes("application/x-ndjson", "heimdex.face-tracks")),
    },
    conditions: ["has_video"],
    config,
    resources: { cpu: threads, memoryMiB: 512 },
    timeouts: { stallMs: 5 * 60_000 },

    probe: (signal) => probeEngine(NAME, engine, signal),

    async run({ inputs, config: settings, signal, asset, ...context }) {
      const model = await needModel(NAME);
      const facts = faceModelFacts(model.id);
      const ask = (request: FacesRequest) => engine.ask(model, request, { signal, cpu: context.cpu });
      const { items: keyframes } = await inputs.keyframes.json(signal);
      const { sameFace } = facts;
      const timeline = new FaceTimeline({ asset, sameFace, maxFaces: settings.max_faces });
      const unreadable = new UnreadableKeyframes();
      const look = { minConfidence: settings.min_confidence, maxFaces: settings.max_faces_per_keyframe };

      await context.span(model.id, { keyframes: keyframes.length }, async () => {
        const looks = lookAtKeyframes({
          keyframes,
          images: inputs.images,
          signal,
          onProgress: (done, total) => context.progress(done, total, "keyframes"),
          look: async (picture) => (await ask({ kind: "look", picture, options: look })) as SeenFace[],
        });
        for await (const one of looks) {
          if ("unreadable" in one) unreadable.add(one.keyframe, one.unreadable);
          timeline.add(one.keyframe, "seen" in one ? one.seen : []);
        }
      });
      unreadable.report(keyframes.length, context.partial);

      const faces = timeline.finish();
      if (timeline.dropped > 0) {
        context.partial(
          `there are more than ${settings.max_faces} faces: ${timeline.dropped} of lower quality are left out`,
        );
      }
      if (faces.length === 0) return { faces: emptyLayer(), crops: [] };
      const toGroup = { ...matrixOf(faces, facts.dimension), frames: faces.map((face) => face.frames), sameFace };
      const groups = (await ask({ kind: "group", faces: toGroup })) as number[];
      const space = spaceOf(model, facts.preprocessing, facts.dimension);
      return facesOutputs(faces, groups, space, toGroup);
    },
  });
}

const emptyLayer = (): StageLayer<"faces"> => ({ kind: "faces", version: LAYER_VERSION.faces as 1, items: [] });

/** The layer and the blobs it names. Equal crops are one blob. */
function facesOutputs(
  faces: readonly FaceOverTime[],
  groups: readonly number[],
  space: Space,
  { vectors }: Pick<FacesToGroup, "vectors">,
) {
  const crops = new Map<string, OutputBytes>();
  const items = faces.map(({ id, span, best }, i): FaceItem => {
    const crop = blobOf(best.crop, "image/jpeg");
    crops.set(crop.sha256, { bytes: best.crop });
    return {
      id,
      ...span,
      at_ms: best.ms,
      confidence: thousandths(best.confidence),
      box: best.box,
      landmarks: [...best.landmarks],
      group: `face_group_${(groups[i] as number) + 1}`,
      quality: thousandths(best.quality),
      crop,
      vector: i,
    };
  });
  const matrix = littleEndian(vectors);
  const tracks = jsonLines(
    faces
      .flatMap(({ id, sightings }) => sightings.map((sighting) => ({ item: id, ...sighting })))
      .sort((a, b) => a.ms - b.ms)
      .map((line) => ({ ...line, confidence: thousandths(line.confidence) })),
  );
  const faceLayer: StageLayer<"faces"> = {
    ...emptyLayer(),
    items,
    space,
    vectors: blobOf(matrix, "application/octet-stream"),
    tracks: blobOf(tracks, "application/x-ndjson"),
  };
  return { faces: faceLayer, vectors: { bytes: matrix }, crops: [...crops.values()], tracks: { bytes: tracks } };
}

function matrixOf(faces: readonly FaceOverTime[], dimension: number) {
  const vectors = new Float32Array(faces.length * dimension);
  for (const [i, { vector }] of faces.entries()) vectors.set(vector, i * dimension);
  return { vectors, dimension };
}

function littleEndian(values: Float32Array): Uint8Array {
  const copy = Buffer.from(values.slice().buffer);
  return endianness() === "LE" ? copy : copy.swap32();
}

/** The space of a model's vectors: whatever changes the numbers changes its id. */
function spaceOf(model: PresentModel, preprocessing: string, dimension: number): Space {
  const id = createHash("sha256")
    .update(JSON.stringify([model.id, model.sha256, preprocessing, dimension]))
    .digest("hex");
  return { id, model: model.id, dimension, metric: "cosine" };
}

export const facesStage = createFacesStage();
