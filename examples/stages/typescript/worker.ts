import { serveStages } from "@heimdex/stage-sdk";
import { leader } from "./leader.ts";

await serveStages([leader]);
