import { z } from "zod";

/** Text of an item. Not empty; Unicode NFC, which `checkSidecar` checks. */
export const text = z
  .string()
  .min(1)
  .meta({ description: "The text, Unicode NFC.", examples: ["EXIT 14 HARBOUR"] });

/** A BCP-47 language tag, which `checkSidecar` checks. */
export const language = z.string().meta({ description: "BCP-47 language tag.", examples: ["en-US"] });

/** A point in time as RFC 3339 with its offset, which `checkSidecar` checks. */
export const timestamp = z.string().meta({ description: "RFC 3339.", examples: ["2026-11-22T10:00:00.000Z"] });
