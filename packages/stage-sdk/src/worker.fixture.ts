import { once } from "node:events";
import { serveStages } from "./index.ts";
import { abortOf, noteStage } from "./serve.fixture.ts";

/** A worker program for tests of processes. What its stage does is said by the text it is given. */
const stage = noteStage(async ({ inputs, signal }) => {
  const { text } = await inputs.note.json();
  if (text === "end when stopping") await once(process, "SIGTERM");
  if (text === "go on until aborted") throw await abortOf(signal);
  return { note: { text: "done" } };
});

// A leaked handle: the process must end all the same.
setInterval(() => undefined, 3_600_000);

/** Is not known to run before it is told so. */
const late = noteStage(async () => ({ note: { text: "late" } }), {
  name: "org.example.late",
  probe: async () => {
    await once(process, "SIGUSR2");
    return { available: true };
  },
});

await serveStages(process.env.LATE_STAGE === "true" ? [stage, late] : [stage], {
  graceMs: Number(process.env.GRACE_MS),
});
