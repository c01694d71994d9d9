export { type FilmServer, startFilmServer } from "./film-server.ts";
export { noBlobs } from "./no-blobs.ts";
