export { type BlobsHandle, blobsConformance } from "./blobs-conformance.ts";
export { type BusHandle, busConformance } from "./bus-conformance.ts";
export { type CatalogHandle, catalogConformance } from "./catalog-conformance.ts";
export { withId } from "./conformance-tools.ts";
export { type ConformanceAnalyze, type MomentIndexHandle, momentIndexConformance } from "./moment-index-conformance.ts";
export { printLine } from "./print-line.ts";
export { smallDisk } from "./small-disk.ts";
