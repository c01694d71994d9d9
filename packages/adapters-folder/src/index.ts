export { FolderBlobs } from "./folder-blobs.ts";
