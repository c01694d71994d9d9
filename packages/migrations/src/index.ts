export { MIGRATIONS, type Migration } from "./migrations.ts";
export { type PrepareOptions, prepareCatalog } from "./prepare-catalog.ts";
