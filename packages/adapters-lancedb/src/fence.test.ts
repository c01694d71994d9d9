import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fencing } from "./fencing.fixture.ts";

fencing("a folder", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-fence-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return { location: folder };
});
