export { loadConfig } from "./load-config.ts";
export { redacted } from "./redacted.ts";
export { Secret, secret } from "./secret.ts";
