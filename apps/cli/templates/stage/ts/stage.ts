import { customLayer, defineStage, itemId, mediaFacts } from "@heimdex/stage-sdk";
import { z } from "zod";

const kind = "org.example.length";

/** How long a film is, in words. Pure. */
export function inWords(durationMs: number): string {
  const seconds = Math.round(durationMs / 1000);
  const amount = seconds < 120 ? `${seconds} seconds` : `${Math.round(seconds / 60)} minutes`;
  return `${seconds < 1200 ? "short" : "long"} film of ${amount}`;
}

export const stage = defineStage({
  name: kind,
  version: "1.0.0",
  behaviour: 1,
  description: "Says in words how long a film is",
  inputs: { media: mediaFacts() },
  outputs: {
    length: customLayer(kind, {
      text: z.string().meta({ description: "What a search finds it by.", "x-heimdex-search": "text" }),
      seconds: z.number().meta({ description: "Length in seconds.", "x-heimdex-search": "number" }),
    }),
  },
  deterministic: true,
  async run({ inputs, asset, signal }) {
    const { duration_ms } = await inputs.media.json(signal);
    const item = {
      id: itemId("length", asset, kind, 0),
      start_ms: 0,
      end_ms: duration_ms,
      text: inWords(duration_ms),
      seconds: duration_ms / 1000,
    };
    return { length: { kind, version: 1, language: "en", items: [item] } };
  },
});
