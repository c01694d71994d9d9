import { HeimdexError } from "@heimdex/errors";
import { locateModel, MODELS } from "@heimdex/models";

/** Model whose files hold the photograph, and its name among them. */
const PHOTOGRAPH = { model: "human-faces", file: "samples.jpg" };

/** Are all models of the bundled profile there, which the demo's answers need? Answers the path of the photograph that is among them.
 * @throws HeimdexError NO_MODEL naming each that is missing */
export async function checkDemoModels(): Promise<string> {
  const missing: string[] = [];
  const helps = new Set<string>();
  let photograph = "";
  for (const { id, profiles, source } of MODELS) {
    if (!profiles.includes("bundled")) continue;
    const located = await locateModel(id);
    if (located.available) {
      if (id === PHOTOGRAPH.model) photograph = located.files[PHOTOGRAPH.file] ?? "";
      continue;
    }
    missing.push(id);
    helps.add(source.kind === "system" ? located.help : "Fetch what is missing: `heimdex models pull bundled`.");
  }
  if (missing.length === 0) return photograph;
  throw new HeimdexError("NO_MODEL", `the demo needs models that are not there: ${missing.join(", ")}`, {
    help: [...helps].join(" "),
  });
}
