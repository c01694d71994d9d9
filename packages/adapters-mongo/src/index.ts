export { MongoCatalog, type MongoCatalogOptions } from "./mongo-catalog.ts";
