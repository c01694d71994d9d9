export { loadConfig } from "./load-config.ts";
export { refusePlain } from "./production.ts";
export { redacted } from "./redacted.ts";
export { SECRET, Secret, secret, secretKeys } from "./secret.ts";
