/* `prepack`: emits what npm gets into `dist/`. Node strips no types under node_modules, so it is JavaScript and declarations; the packages of this
 * repository that the SDK is made of are emitted beside it, so that one tarball is all there is to install. */
import { execFileSync } from "node:child_process";
import { copyFile, glob, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const PACKAGES = fileURLToPath(new URL("../../", import.meta.url));
const PACKAGE = fileURLToPath(new URL("../", import.meta.url));
const DIST = join(PACKAGE, "dist");
const OWN = "@heimdex/";
/** What modules are named by, in JavaScript and in declarations. */
const SPECIFIER = /(\bfrom |\bimport |\bimport\()"([^"\n]+)"/g;

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

await rm(DIST, { recursive: true, force: true });
execFileSync(join(PACKAGES, "../node_modules/.bin/tsc"), ["-p", PACKAGE], { stdio: "inherit" });
await copyFile(join(PACKAGES, "../LICENSE"), join(PACKAGE, "LICENSE"));

const foreign = new Set<string>();
const parts = new Set<string>();
for await (const file of glob("**/*.{js,d.ts}", { cwd: DIST })) {
  parts.add(file.split("/")[0] as string);
  const path = join(DIST, file);
  const text = await readFile(path, "utf8");
  await writeFile(
    path,
    text.replace(SPECIFIER, (_, before: string, name: string) => `${before}"${emittedName(path, name)}"`),
  );
}
await checkDependencies();

/** How an emitted file names another: the sources' `.ts` is `.js`, and a package of this repository lies beside it. */
function emittedName(from: string, name: string): string {
  if (name.startsWith(".")) return name.replace(/\.ts$/, ".js");
  if (!name.startsWith(OWN)) {
    if (!name.startsWith("node:")) foreign.add(name.split("/", name.startsWith("@") ? 2 : 1).join("/"));
    return name;
  }
  const source = relative(PACKAGES, fileURLToPath(import.meta.resolve(name)));
  const to = relative(dirname(from), join(DIST, source)).replace(/\.ts$/, ".js");
  return to.startsWith(".") ? to : `./${to}`;
}

/** Throws unless package.json names exactly what is imported, in the ranges that the emitted packages themselves ask for. */
async function checkDependencies(): Promise<void> {
  const wanted: Record<string, string> = {};
  for (const part of parts) {
    const file = join(PACKAGES, part, part === "stage-sdk" ? "src/package.json" : "package.json");
    const { dependencies = {} } = JSON.parse(await readFile(file, "utf8")) as Manifest;
    for (const [name, range] of Object.entries(dependencies)) if (foreign.has(name)) wanted[name] = range;
  }
  const missing = [...foreign].filter((name) => !(name in wanted));
  if (missing.length > 0) throw new Error(`imported, but a dependency of no package: ${missing.join(", ")}`);
  const { dependencies, peerDependencies } = JSON.parse(
    await readFile(join(PACKAGE, "package.json"), "utf8"),
  ) as Manifest;
  const named = { ...dependencies, ...peerDependencies };
  const differing = [...new Set([...Object.keys(named), ...Object.keys(wanted)])].filter(
    (name) => named[name] !== wanted[name],
  );
  if (differing.length === 0) return;
  const lines = differing.map((name) => `${name}: ${named[name] ?? "absent"}, but ${wanted[name] ?? "not imported"}`);
  throw new Error(`packages/stage-sdk/package.json is not what the emitted packages need:\n${lines.join("\n")}`);
}
