export { tinyFlorence } from "./tiny-florence.ts";
