export { loadConfig } from "./load-config.ts";
export { type ProductionRule, refusePlain } from "./production.ts";
export { redacted } from "./redacted.ts";
export { SECRET, Secret, secret, secretKeys } from "./secret.ts";
