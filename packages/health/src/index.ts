export { ServerWatch, type WatchedServer } from "./server-watch.ts";
export { ServiceHealth } from "./service-health.ts";
