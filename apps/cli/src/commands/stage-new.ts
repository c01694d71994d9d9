import { execFile } from "node:child_process";
import { chmod, cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { HeimdexError } from "@heimdex/errors";
import type { Context } from "../context.ts";
import { printable } from "../ui/text.ts";
import { UsageError } from "../usage-error.ts";

type Language = "ts" | "python" | "go";

const REPOSITORY = fileURLToPath(new URL("../../../../", import.meta.url));
const SDK = join(REPOSITORY, "packages/stage-sdk");
const TEMPLATES = fileURLToPath(new URL("../../templates/stage/", import.meta.url));
/** What the TypeScript template asks for, which is on no registry: the packed SDK takes its place. */
const SDK_RANGE = '"^0.1.0"';
/** What the templates are called. */
const TEMPLATE_NAME = "org.example.length";
/** A kind of somebody's own has a reverse-domain name of three labels or more. */
const STAGE_NAME = /^[a-z][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*){2,7}$/;
const PROTO = "heimdex/stage/v1";
const ENTRY: Readonly<Record<Language, string>> = {
  ts: "npm install && npm test",
  python: "./setup && .venv/bin/python -m unittest",
  go: "./setup && go test ./...",
};

/** `stage new DIR`: writes a small project of a stage that works. */
export async function newStage(
  { terminal, signal }: Context,
  folder: string,
  { lang, name: given }: { readonly lang: Language; readonly name?: string },
): Promise<number | undefined> {
  const label = basename(resolve(folder))
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  const name = given ?? `org.example.${label || "stage"}`;
  if (!STAGE_NAME.test(name) || name.length > 128)
    throw new UsageError(
      `${name} is no name of a stage.`,
      "It has three to eight lower-case labels: org.example.loudness.",
    );
  if ((await readdir(folder).catch(() => [])).length > 0)
    throw new UsageError(`${folder} is not empty.`, "Name a folder that is not there yet.");
  await mkdir(folder, { recursive: true });
  await cp(join(TEMPLATES, lang), folder, { recursive: true });
  if (lang === "ts") await packSdk(folder, signal);
  else await copyWorker(folder, lang);
  const files = await named(folder, name);
  terminal.document({ folder: resolve(folder), stage: name, files });
  terminal.line(`${printable(folder)} holds the stage ${name}: ${files.join(", ")}`);
  terminal.line(`next: cd ${printable(folder)} && ${ENTRY[lang]}`);
  return undefined;
}

/** Puts the SDK beside package.json, as npm would bring it, and has it installed from there. */
async function packSdk(folder: string, signal: AbortSignal): Promise<void> {
  const pack = ["pack", "--silent", "--pack-destination", resolve(folder)];
  const { stdout } = await promisify(execFile)("npm", pack, { cwd: SDK, signal }).catch(
    (cause: Error & { stderr?: string }) => {
      signal.throwIfAborted();
      const help = `Run \`npm pack\` in ${SDK}: it says more.`;
      throw new HeimdexError("TOOL_FAILED", `npm could not pack the stage SDK: ${cause.stderr?.trim()}`, {
        cause,
        help,
      });
    },
  );
  const manifest = join(folder, "package.json");
  const tarball = `"file:${stdout.trim().split("\n").at(-1)}"`;
  await writeFile(manifest, (await readFile(manifest, "utf8")).replace(SDK_RANGE, tarball));
}

/** The worker that the examples have, and the contract it is made from. */
async function copyWorker(folder: string, lang: "python" | "go"): Promise<void> {
  const example = join(REPOSITORY, "examples/stages", lang);
  const files = { python: ["worker.py", "requirements.txt"], go: ["worker.go", "go.mod", "go.sum"] }[lang];
  for (const file of [...files, ".gitignore"]) {
    const text = await readFile(join(example, file), "utf8");
    await writeFile(join(folder, file), text.replaceAll("example.org/colours", "example.org/stage"));
  }
  const setup = (await readFile(join(example, "setup"), "utf8"))
    .replace("../../../proto", "proto")
    .replace("../../../node_modules/.bin/buf", join(REPOSITORY, "node_modules/.bin/buf"))
    .replaceAll("example.org/colours", "example.org/stage")
    .replaceAll("colours", "stage");
  await writeFile(join(folder, "setup"), setup);
  await chmod(join(folder, "setup"), 0o755);
  await cp(join(REPOSITORY, "proto", PROTO), join(folder, "proto", PROTO), { recursive: true });
}

/** Gives the stage its name, in all files; lists them. */
async function named(folder: string, name: string): Promise<string[]> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  for (const file of files) {
    const path = join(file.parentPath, file.name);
    const text = await readFile(path, "utf8");
    if (text.includes(TEMPLATE_NAME)) await writeFile(path, text.replaceAll(TEMPLATE_NAME, name));
  }
  return files.map((file) => relative(folder, join(file.parentPath, file.name))).sort();
}
