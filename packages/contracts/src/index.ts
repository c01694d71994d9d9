export { descriptorSet, STAGE_PROTOCOL_VERSION } from "./descriptor-set.ts";
