import { createHash } from "node:crypto";
import type { KeyframeItem, StageLayer } from "@heimdex/sidecar";
import type { InputArtifact } from "@heimdex/stage-sdk";

/** An input as a stage gets it. */
export function artifact<T>(bytes: Uint8Array, mediaType: string, value?: T): InputArtifact<T> {
  const refuse = async (): Promise<never> => {
    throw new Error("not of this port");
  };
  return {
    sha256: createHash("sha256").update(bytes).digest("hex"),
    size: bytes.length,
    mediaType,
    path: undefined,
    url: "http://invalid/",
    location: "http://invalid/",
    read: async () => bytes,
    file: refuse,
    json: value === undefined ? refuse : async () => value,
  };
}

/** The context of an attempt on pictures that stand for a second each, within one shot, and what the attempt said meanwhile. */
export function onPictures(pictures: readonly Uint8Array[], signal = AbortSignal.timeout(120_000)) {
  const images = pictures.map((bytes) => artifact<undefined>(bytes, "image/jpeg"));
  const items = images.map(
    ({ sha256, size }, i): KeyframeItem => ({
      id: `kf_${i}`,
      start_ms: i * 1000,
      end_ms: (i + 1) * 1000,
      start_pts: i * 90_000,
      end_pts: (i + 1) * 90_000,
      time_base: { num: 1, den: 90_000 },
      image: { sha256, size, media_type: "image/jpeg" },
      width: 1280,
      height: 720,
      shot: "shot_1",
    }),
  );
  const layer: StageLayer<"keyframes"> = { kind: "keyframes", version: 1, items };
  const said = { partial: [] as string[], cpuMs: 0, done: 0 };
  return {
    said,
    context: {
      inputs: {
        keyframes: artifact(Buffer.from(JSON.stringify(layer)), "application/json", layer),
        images: images.toReversed(),
      },
      signal,
      asset: "asset",
      sourceName: "film.mp4",
      scratch: "/nonexistent",
      attempt: 1,
      progress: (done: number) => {
        said.done = done;
      },
      partial: (reason: string) => {
        said.partial.push(reason);
      },
      log: () => {},
      span: <R>(_name: string, _attributes: object, work: () => Promise<R>) => work(),
      cpu: (ms: number) => {
        said.cpuMs += ms;
      },
    },
  };
}
