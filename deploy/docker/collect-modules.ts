/* Copies what one service runs on this machine's platform out of an installation of the whole repository: the npm packages that it depends on, and the links to the
 * workspaces. Usage: node collect-modules.ts FOLDER FROM TO      (FOLDER of the service, below FROM; TO gets the same tree) */
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";

interface Manifest {
  readonly name: string;
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
}

const [, , service = "", from = "", to = ""] = process.argv;

/** Dependencies that are never loaded, by who names them. */
const NOT_TAKEN: Readonly<Record<string, readonly string[]>> = {
  // For embedding functions of its own, which nobody calls: vectors come from stages.
  "@lancedb/lancedb": ["@huggingface/transformers", "openai"],
  // The browser's runtime: on Node it runs on onnxruntime-node.
  "@huggingface/transformers": ["onnxruntime-web"],
  // To download other builds as it is installed.
  "onnxruntime-node": ["adm-zip", "global-agent"],
  // For its types.
  "typed-emitter": ["rxjs"],
  // For models of pictures, of which speech has none.
  ...(service === "services/stage-asr"
    ? { "@heimdex/engine": ["@tensorflow/tfjs-backend-wasm", "@tensorflow/tfjs-converter", "@tensorflow/tfjs-core"] }
    : {}),
};
/** Types, and builds for another C library, which npm takes where the lock file does not say which one a package is for. */
const NEVER = /^@types\/|[-/]\w*musl/;

/** Folders of packages that hold what is built once more: sources, and builds for bundlers. */
const REPEATED: Readonly<Record<string, RegExp>> = {
  zod: /^src$/,
  mongodb: /^src$/,
  "apache-arrow": /^src$/,
  "@grpc/grpc-js": /^src$/,
  "@huggingface/transformers": /^(src|types)$/,
  "fluent-ffmpeg": /^coverage$/,
  "onnxruntime-node": new RegExp(
    `^bin/[^/]+/((?!${process.platform}$)[^/]+|${process.platform}/(?!${process.arch}$)[^/]+)$`,
  ),
};
const BUNDLERS = /^build\/(esm|esnext)$/;
const NOT_RUN = /\.(map|d\.[cm]?ts)$/;

const taken = new Set<string>();
take(join(from, service));
console.log(`${service}: ${taken.size} packages`);

function take(folder: string): void {
  const { name, dependencies, optionalDependencies, peerDependencies } = manifest(folder);
  for (const dependency of Object.keys({ ...peerDependencies, ...optionalDependencies, ...dependencies })) {
    if (NEVER.test(dependency) || NOT_TAKEN[name]?.includes(dependency)) continue;
    const found = find(dependency, folder);
    // Of another platform, or a peer that is optional: npm would have failed otherwise.
    if (found === undefined || taken.has(found)) continue;
    taken.add(found);
    if (lstatSync(found).isSymbolicLink()) {
      link(found);
      take(realpathSync(found));
    } else {
      copy(found);
      take(found);
    }
  }
}

/** As Node looks for it: in the folder's own node_modules, then in those above. */
function find(dependency: string, folder: string): string | undefined {
  for (let at = folder; at.startsWith(from); at = dirname(at)) {
    const candidate = join(at, "node_modules", dependency);
    if (existsSync(candidate)) return candidate;
  }
  return undefined;
}

function link(path: string): void {
  const target = join(to, relative(from, path));
  mkdirSync(dirname(target), { recursive: true });
  symlinkSync(readlinkSync(path), target);
}

function copy(folder: string): void {
  const { name } = manifest(folder);
  cpSync(folder, join(to, relative(from, folder)), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => {
      const within = relative(folder, path);
      if (within === "node_modules" || NOT_RUN.test(within)) return false;
      return !REPEATED[name]?.test(within) && !(name.startsWith("@opentelemetry/") && BUNDLERS.test(within));
    },
  });
}

function manifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}
