import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Makes small films and sound recordings, no two alike; three in four are sound alone, for which there is less to do. Resolves with their names. */
export async function makeFilms(folder: string, count: number): Promise<string[]> {
  const names: string[] = [];
  for (let number = 0; number < count; number++) {
    const isFilm = number % 4 === 0;
    const name = `made-${String(number).padStart(3, "0")}.${isFilm ? "mkv" : "wav"}`;
    const tone = ["-f", "lavfi", "-i", `sine=frequency=${200 + number}:duration=1`];
    const picture = ["-f", "lavfi", "-i", `testsrc2=size=160x120:rate=10:duration=1,hue=h=${number}`, "-shortest"];
    const codecs = isFilm ? [...picture, "-c:v", "mjpeg"] : [];
    await run("ffmpeg", ["-v", "error", "-nostdin", "-y", ...tone, ...codecs, join(folder, name)]);
    names.push(name);
  }
  return names;
}
