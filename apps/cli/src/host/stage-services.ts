import { fileURLToPath } from "node:url";

/** A first-party stage service and the stages it registers. */
export interface StageService {
  readonly name: string;
  readonly stages: readonly string[];
  /** Its main module. */
  readonly main: string;
}

const main = (name: string) => fileURLToPath(new URL(`../../../../services/${name}/src/main.ts`, import.meta.url));

/** What `heimdex up` starts. */
export const STAGE_SERVICES: readonly StageService[] = [
  {
    name: "stage-media",
    stages: ["media.probe", "media.analyze", "media.scenes", "asr.subtitles"],
    main: main("stage-media"),
  },
  { name: "stage-asr", stages: ["asr.transcribe"], main: main("stage-asr") },
  {
    name: "stage-vision",
    stages: ["vision.text", "vision.faces", "vision.objects", "vision.describe"],
    main: main("stage-vision"),
  },
  { name: "stage-embed", stages: ["embed.text", "embed.image"], main: main("stage-embed") },
];
