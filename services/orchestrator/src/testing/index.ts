export { inline, json, manifest, type PortOptions, port, RawWorker, source } from "./raw-worker.ts";
