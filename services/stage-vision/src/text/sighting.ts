import type { Box, Point } from "@heimdex/sidecar";

/** A text as it was read on one picture. */
export interface Sighting {
  /** Unicode NFC, never empty. */
  readonly text: string;
  /** 0..1. */
  readonly confidence: number;
  /** Upright rectangle around it, 0..1 of the picture. */
  readonly box: Box;
  /** Its four corners, where it does not lie level. */
  readonly polygon?: readonly Point[];
}
