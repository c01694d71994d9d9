import { createHash } from "node:crypto";
import { itemId } from "@heimdex/sidecar";
import {
  type AnyStage,
  bytes,
  customLayer,
  defineStage,
  json,
  layer,
  many,
  mediaFacts,
  neighbours,
  optional,
  source,
} from "@heimdex/stage-sdk";
import { z } from "zod";

/** What these stages' films are: JSON text of what is in them. Test code only. */
export interface Film {
  readonly durationMs?: number;
  /** Default: both. */
  readonly streams?: readonly ("audio" | "video" | "subtitle")[];
  readonly said?: readonly { readonly at: number; readonly text: string }[];
  /** Anything that makes the bytes others. */
  readonly salt?: string;
}

export function film(content: Film = {}): string {
  return JSON.stringify(content);
}

/** Which stage ran how often, by name: what a cached step does not add to. */
export type Runs = Map<string, number>;

export function note(runs: Runs | undefined, stage: string): void {
  runs?.set(stage, (runs.get(stage) ?? 0) + 1);
}

const TIME_BASE = { num: 1, den: 1000 };

/** Media facts out of a made-up film. */
export function probe(runs?: Runs, behaviour = 1): AnyStage {
  return defineStage({
    name: "made.probe",
    version: `1.0.${behaviour}`,
    behaviour,
    description: "Says what a film is.",
    inputs: { source: source() },
    outputs: { media: mediaFacts() },
    slots: 8,
    async run({ inputs }) {
      note(runs, "made.probe");
      const content = await readFilm(inputs.source);
      const streams = content.streams ?? ["video", "audio"];
      return {
        media: {
          container: "made",
          size: inputs.source.size,
          duration_ms: content.durationMs ?? 10_000,
          streams: streams.map((type, index) => ({ index, type, codec: "none", time_base: TIME_BASE })),
          start_offset_ms: 0,
          vfr: false,
          rotation: 0 as const,
        },
      };
    },
  });
}

/** What is said in a made-up film. Needs sound. */
export function listen(runs?: Runs, behaviour = 1): AnyStage {
  return defineStage({
    name: "made.listen",
    version: `1.0.${behaviour}`,
    behaviour,
    description: "Says what is said.",
    inputs: { source: source() },
    outputs: { transcript: layer("transcript") },
    conditions: ["has_audio"],
    slots: 8,
    async run({ inputs, asset, progress, span }) {
      note(runs, "made.listen");
      progress(0, 1, "films");
      const content = await span("hearing", { engine: "made up" }, () => readFilm(inputs.source));
      return {
        transcript: {
          kind: "transcript" as const,
          version: 1,
          language: "en",
          items: (content.said ?? []).map(({ at, text }) => ({
            id: itemId("tr", asset, "transcript", at),
            start_ms: at,
            end_ms: at + 1000,
            text,
          })),
        },
      };
    },
  });
}

const words = json("made.words", z.object({ words: z.array(z.string()) }));

/** From the transcript to a list of words: a stage behind another. */
export function split(runs?: Runs): AnyStage {
  return defineStage({
    name: "made.split",
    version: "1.0.0",
    behaviour: 1,
    description: "Splits what is said into words.",
    inputs: { transcript: layer("transcript") },
    outputs: { words },
    slots: 8,
    async run({ inputs }) {
      note(runs, "made.split");
      const { items } = await inputs.transcript.json();
      return { words: { words: items.flatMap(({ text }) => text.split(" ")) } };
    },
  });
}

export const LOUDNESS = customLayer("org.example.loudness", {
  remark: z.string().meta({ "x-heimdex-search": "text" }),
});

/** A custom layer that is searched. */
export function loudness(runs?: Runs): AnyStage {
  return defineStage({
    name: "org.example.loudness",
    version: "1.0.0",
    behaviour: 1,
    description: "Says how loud it is.",
    inputs: { source: source() },
    outputs: { loudness: LOUDNESS },
    async run({ asset }) {
      note(runs, "org.example.loudness");
      const item = {
        id: itemId("loud", asset, "org.example.loudness", 0),
        start_ms: 0,
        end_ms: 500,
        remark: "thunderous",
      };
      return { loudness: { kind: "org.example.loudness" as const, version: 1, items: [item] } };
    },
  });
}

const picture = bytes("image/jpeg", "made.picture");

/** Many blobs and the layer that names them. */
export function pictures(count: number, size: number, runs?: Runs): AnyStage {
  return defineStage({
    name: "made.pictures",
    version: "1.0.0",
    behaviour: 1,
    description: "Takes pictures.",
    inputs: { source: source(), media: mediaFacts() },
    outputs: { pictures: many(picture), keyframes: layer("keyframes") },
    conditions: ["has_video"],
    async run({ inputs, asset }) {
      note(runs, "made.pictures");
      const all = Array.from({ length: count }, (_, index) => Buffer.alloc(size, `${inputs.source.sha256} ${index} `));
      return {
        pictures: all.map((one) => ({ bytes: one })),
        keyframes: {
          kind: "keyframes" as const,
          version: 1,
          items: all.map((one, index) => ({
            id: itemId("kf", asset, "keyframes", index),
            start_ms: index,
            end_ms: index + 1,
            start_pts: index,
            end_pts: index + 1,
            time_base: TIME_BASE,
            image: {
              sha256: createHash("sha256").update(one).digest("hex"),
              size: one.byteLength,
              media_type: "image/jpeg",
            },
            width: 16,
            height: 9,
          })),
        },
      };
    },
  });
}

const count = json("made.count", z.object({ pictures: z.number(), bytes: z.number(), beside: z.array(z.string()) }));

/** Reads the pictures, if there are any, and the names of what lies beside the source. */
export function counting(runs?: Runs): AnyStage {
  return defineStage({
    name: "made.count",
    version: "1.0.0",
    behaviour: 1,
    description: "Counts pictures and neighbours.",
    inputs: { source: source(), pictures: optional(many(picture)), beside: neighbours() },
    outputs: { count },
    async run({ inputs }) {
      note(runs, "made.count");
      const sizes = await Promise.all(inputs.pictures.map(async (one) => (await one.read()).length));
      return {
        count: {
          pictures: sizes.length,
          bytes: sizes.reduce((sum, size) => sum + size, 0),
          beside: inputs.beside.map(({ name }) => name ?? ""),
        },
      };
    },
  });
}

async function readFilm(input: { read(): Promise<Uint8Array> }): Promise<Film> {
  return JSON.parse(Buffer.from(await input.read()).toString()) as Film;
}
