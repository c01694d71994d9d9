import { createHash } from "node:crypto";
import { itemId, LAYER_VERSION, type LayerKind, type Media } from "@heimdex/sidecar";
import { FILM_MS, type FilmKind, type Films, LONG_MS } from "./films.ts";

const TIME_BASE = { num: 1, den: 1000 };
const BOX = { x: 0.25, y: 0.25, w: 0.5, h: 0.25 };
const PHRASES = ["a harbour in the morning", "two boats leave", "nobody answers", "the bell rings twice"];
const LAYER_PREFIX = "heimdex.layer.";
/** Items of a layer of the long film. */
const MANY_ITEMS = 1_000;

/** What the kit makes for a port of `schema`, in bytes; undefined when it knows no such schema or the film has nothing of it. */
export async function sample(
  schema: string,
  kind: FilmKind,
  asset: string,
  films: Films,
): Promise<Uint8Array[] | undefined> {
  if (schema === "heimdex.media") return [json(mediaFacts(kind))];
  if (schema === "heimdex.keyframe") return films.pictures(kind);
  if (schema === "heimdex.poster") return (await films.pictures(kind)).slice(0, 1);
  if (schema === "heimdex.audio-16k-mono") {
    const sound = await films.sound(kind);
    return sound === undefined ? undefined : [sound];
  }
  const layer = schema.slice(LAYER_PREFIX.length).split(".")[0] ?? "";
  if (!schema.startsWith(LAYER_PREFIX) || !Object.hasOwn(LAYER_VERSION, layer)) return undefined;
  return [json(await layerOf(layer as LayerKind, kind, asset, films))];
}

/** Whether the kit can make what a port of `schema` takes. */
export function canMake(schema: string): boolean {
  return (
    ["heimdex.media", "heimdex.keyframe", "heimdex.poster", "heimdex.audio-16k-mono"].includes(schema) ||
    (schema.startsWith(LAYER_PREFIX) &&
      Object.hasOwn(LAYER_VERSION, schema.slice(LAYER_PREFIX.length).split(".")[0] ?? ""))
  );
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function durationOf(kind: FilmKind): number {
  return kind === "long" ? LONG_MS : FILM_MS;
}

function mediaFacts(kind: FilmKind): Media {
  const duration_ms = durationOf(kind);
  const video = { type: "video", codec: "mpeg4", width: 160, height: 120, average_frame_rate: { num: 10, den: 1 } };
  const audio = { type: "audio", codec: "aac", sample_rate: 44_100, channels: 1 };
  const streams = [...(kind === "no_picture" ? [] : [video]), ...(kind === "no_sound" ? [] : [audio])];
  return {
    container: "mov,mp4,m4a,3gp,3g2,mj2",
    size: 20_000,
    duration_ms,
    streams: streams.map((stream, index) => ({ ...stream, index, time_base: TIME_BASE, duration_ms })),
    start_offset_ms: 0,
    vfr: false,
    rotation: 0,
  } as Media;
}

async function layerOf(layer: LayerKind, kind: FilmKind, asset: string, films: Films): Promise<object> {
  const whole = { kind: layer, version: LAYER_VERSION[layer] };
  if (kind === "blank") return { ...whole, items: [] };
  const text = layer === "transcript" || layer === "captions" || layer === "text" ? { language: "en" } : {};
  return { ...whole, ...text, items: await itemsOf(layer, kind, asset, films) };
}

async function itemsOf(layer: LayerKind, kind: FilmKind, asset: string, films: Films): Promise<object[]> {
  const durationMs = durationOf(kind);
  const pictures = await films.pictures(kind);
  const id = (of: LayerKind, start: number) => itemId(of, asset, of, start);
  const spans = (count: number) =>
    Array.from({ length: count }, (_, at) => {
      const start_ms = Math.floor((at * durationMs) / count);
      return { at, start_ms, end_ms: Math.floor(((at + 1) * durationMs) / count) };
    });
  const pts = ({ start_ms, end_ms }: { start_ms: number; end_ms: number }) => ({
    start_pts: start_ms,
    end_pts: end_ms,
    time_base: TIME_BASE,
  });
  const item = ({ start_ms, end_ms }: { start_ms: number; end_ms: number }) => ({
    id: id(layer, start_ms),
    start_ms,
    end_ms,
  });
  const phrase = (at: number) => PHRASES[at % PHRASES.length] ?? "";
  const some = spans(kind === "long" ? MANY_ITEMS : 2);
  switch (layer) {
    case "shots":
      return spans(2).map((span) => ({ ...item(span), ...pts(span) }));
    case "scenes":
      return spans(1).map((span) => ({ ...item(span), shots: spans(2).map(({ start_ms }) => id("shots", start_ms)) }));
    case "keyframes":
      return spans(pictures.length).map((span) => ({
        ...item(span),
        ...pts(span),
        image: reference(pictures[span.at] as Uint8Array),
        width: 640,
        height: 480,
      }));
    case "transcript":
      return some.map((span) => ({ ...item(span), text: phrase(span.at) }));
    case "text":
      return some.map((span) => ({ ...item(span), text: phrase(span.at).toUpperCase(), box: BOX }));
    case "faces":
      return some.map((span) => ({ ...item(span), ...pts(span), box: BOX, group: "face_group_1", quality: 0.5 }));
    case "objects":
      return some.map((span) => ({ ...item(span), ...pts(span), label: "boat", box: BOX, confidence: 0.9 }));
    case "captions":
      return some.map((span) => ({ ...item(span), text: `A picture of ${phrase(span.at)}.` }));
    case "embeddings":
      return []; // vectors are a blob of their own: a layer without any is valid, and says nothing
  }
}

function reference(bytes: Uint8Array) {
  return { sha256: createHash("sha256").update(bytes).digest("hex"), size: bytes.length, media_type: "image/jpeg" };
}
