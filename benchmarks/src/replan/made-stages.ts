import type { PortSpec, StageRecord } from "@heimdex/kernel";

interface Made {
  readonly takes: readonly string[];
  readonly makes: readonly string[];
  readonly conditions?: readonly string[];
}

/** Twelve stages that take from each other as the first-party ones do: five deep. Names of ports are schemas; `?` marks what is optional. */
const SHAPE: Readonly<Record<string, Made>> = {
  "made.probe": { takes: ["heimdex.source"], makes: ["heimdex.media"] },
  "made.analyze": {
    takes: ["heimdex.source", "heimdex.media"],
    makes: ["heimdex.layer.shots", "heimdex.layer.keyframes", "made.audio", "made.pictures"],
  },
  "made.scenes": { takes: ["heimdex.layer.shots"], makes: ["heimdex.layer.scenes"], conditions: ["has_video"] },
  "made.subtitles": {
    takes: ["heimdex.source", "heimdex.media", "heimdex.neighbour"],
    makes: ["heimdex.layer.transcript.subtitles"],
  },
  "made.transcribe": { takes: ["made.audio"], makes: ["heimdex.layer.transcript"], conditions: ["has_audio"] },
  "made.text": { takes: ["heimdex.layer.keyframes", "made.pictures"], makes: ["heimdex.layer.text"] },
  "made.faces": { takes: ["heimdex.layer.keyframes", "made.pictures"], makes: ["heimdex.layer.faces"] },
  "made.objects": { takes: ["heimdex.layer.keyframes", "made.pictures"], makes: ["heimdex.layer.objects"] },
  "made.describe": {
    takes: ["heimdex.layer.keyframes", "made.pictures", "heimdex.layer.objects?"],
    makes: ["heimdex.layer.captions"],
  },
  "made.embed-image": {
    takes: ["heimdex.layer.keyframes", "made.pictures"],
    makes: ["heimdex.layer.embeddings.image"],
  },
  "made.embed-text": {
    takes: ["heimdex.layer.scenes?", "heimdex.layer.transcript?", "heimdex.layer.text?", "heimdex.layer.captions?"],
    makes: ["heimdex.layer.embeddings.text"],
  },
  "made.loudness": { takes: ["made.audio"], makes: ["org.example.loudness"], conditions: ["has_audio"] },
};

const CONFIG = JSON.stringify({
  properties: {
    threshold: { type: "number", default: 0.35 },
    language: { type: "string", default: "auto" },
    batch: { type: "integer", default: 16 },
  },
});

export const MADE_STAGES: readonly StageRecord[] = Object.entries(SHAPE).map(
  ([name, { takes, makes, conditions = [] }]) => ({
    manifest: {
      name,
      version: "1.0.0",
      behaviour: 1,
      description: "Never runs",
      inputs: takes.map(port),
      outputs: makes.map(port),
      conditions,
      configSchema: CONFIG,
      resources: { cpu: 1, memoryMib: 512, gpu: false },
      timeouts: { attemptMs: 0, stallMs: 0 },
      deterministic: true,
    },
    digest: "",
    state: "ENABLED",
    reason: "",
    help: "",
    models: [{ id: `${name}-model`, sha256: "a".repeat(64), licence: "MIT" }],
    interactive: false,
    digests: {},
  }),
);

function port(text: string, at: number): PortSpec {
  const schema = text.replace("?", "");
  const common = { mediaType: "application/json", major: 1, many: false, layerSchema: "" };
  return { ...common, name: `port_${at}`, schema, optional: text.endsWith("?") };
}
