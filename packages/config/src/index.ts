export { loadConfig } from "./load-config.ts";
export { redacted } from "./redacted.ts";
