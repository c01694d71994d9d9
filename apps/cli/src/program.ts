import { Command, InvalidArgumentError, Option } from "commander";
import type { Context } from "./context.ts";
import { parseLife, parseTime } from "./ui/time.ts";

type Handler<Args extends unknown[]> = (context: Context, ...args: Args) => Promise<number | undefined>;
type Execute = <Args extends unknown[]>(
  load: () => Promise<Handler<Args>>,
  args: Args,
  globals: { readonly data: string | undefined; readonly endpoint: string | undefined },
) => Promise<void>;

const integer = (min: number, max: number) => (text: string) => {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max))
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  return value;
};
const moment = (text: string) => {
  const ms = parseTime(text);
  if (ms === undefined) throw new InvalidArgumentError("It must be a time such as 83, 1:23, 01:02:03.456 or 83500ms.");
  return ms;
};
const life = (text: string) => {
  const ms = parseLife(text);
  if (ms === undefined) throw new InvalidArgumentError("It must be a length of time such as 90d, 12h or 30m.");
  return ms;
};
const several = (value: string, before: readonly string[] | undefined) => [
  ...(before ?? []),
  ...value.split(",").filter(Boolean),
];

const each = (value: string, before: readonly string[] | undefined) => [...(before ?? []), value];

const jobsOption = () =>
  new Option("--jobs <n>", "attempts that run side by side, at most (default: as many as suit the machine)").argParser(
    integer(1, 256),
  );
const portOption = (flag: string, what: string, byDefault: number) =>
  new Option(`${flag} <port>`, `port of ${what}; 0 takes a free one`).argParser(integer(0, 65_535)).default(byDefault);

const CHANNELS = ["spoken", "written", "described", "names", "custom", "labels", "text", "image"];

/** The command line. Commands are loaded when they run: `--help` costs no more than this file.
 * @param execute runs the handler that a command loads */
export function createProgram(execute: Execute): Command {
  const program = new Command("heimdex")
    .description("Makes a video archive searchable where it lies.")
    .version("0.1.0", "-V, --version", "prints the version")
    .option("--data <dir>", "data directory (default: HEIMDEX_DATA, else .heimdex here)")
    .option(
      "--endpoint <address>",
      "gateway elsewhere, host:port or https://host:port (default: HEIMDEX_ENDPOINT, else none)",
    )
    .option("--json", "print one JSON document on stdout, and all else on stderr")
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError("`heimdex --help` shows how commands are called.")
    .helpOption("-h, --help", "shows this help")
    .helpCommand("help [command]", "shows the help of a command")
    .exitOverride()
    .addHelpText(
      "after",
      "\nExit code: 0 all well, 1 something failed (and it says what), 2 wrong usage.\nEach command is described in docs/reference/cli.md.",
    );
  const globals = () => {
    const { data, endpoint } = program.opts<{ data?: string; endpoint?: string }>();
    return { data, endpoint };
  };
  const on =
    <Args extends unknown[]>(load: () => Promise<Handler<Args>>) =>
    (...args: unknown[]) =>
      execute(load, args.slice(0, -1) as Args, globals()); // commander adds the command itself

  program
    .command("demo")
    .description("makes footage, indexes it and answers five questions")
    .addOption(jobsOption())
    .action(on(async () => (await import("./commands/demo.ts")).demo));
  program
    .command("up")
    .description("runs everything until Ctrl-C; other commands then use it")
    .addOption(portOption("--http-port", "the HTTP API", 8480))
    .addOption(portOption("--grpc-port", "the gRPC API", 8481))
    .addOption(portOption("--worker-port", "workers", 8482))
    .addOption(portOption("--data-port", "the workers' data", 8483))
    .addOption(jobsOption())
    .action(on(async () => (await import("./commands/up.ts")).up));
  program
    .command("index")
    .description("makes films searchable: files, folders, https:// and s3://")
    .argument("<path...>", "files and folders; https://, s3:// and file:// as the server reads them")
    .option("--reread", "read files again even if size and modification time are as known")
    .addOption(new Option("--priority <n>", "-100 to 100, higher first").argParser(signed).default(0))
    .addOption(jobsOption())
    .action(on(async () => (await import("./commands/index.ts")).index));
  program
    .command("search")
    .description("finds moments; without a query, lists those that the options let through")
    .argument("[query...]", "what to look for, in words")
    .option("--like <moment>", "more like this: a number of the last search, ASSET@TIME or a moment's id")
    .option("--image <file>", "what looks like this picture")
    .option("--label <label>", "only moments in which this is seen (may be repeated)", several)
    .option(
      "--where <condition>",
      "only moments with these values of custom layers: FIELD=VALUE, FIELD>=N (may be repeated)",
      each,
    )
    .option("--asset <id>", "only in this asset (id or path; may be repeated)", several)
    .addOption(new Option("--from <time>", "only moments that end after this").argParser(moment))
    .addOption(new Option("--to <time>", "only moments that start before this").argParser(moment))
    .option("--language <tag>", "only moments with text in this language (may be repeated)", several)
    .addOption(
      new Option("--channel <name>", `search only here: ${CHANNELS.join(", ")} (may be repeated)`).argParser(channels),
    )
    .addOption(new Option("--limit <n>", "results at most").argParser(integer(1, 100)).default(10))
    .action(on(async () => (await import("./commands/search.ts")).search));
  program
    .command("open")
    .description("plays a result of the last search, or an asset from a time on")
    .argument("<result>", "number of the result, ASSET or ASSET@TIME")
    .option("--print", "print what would be run, and run nothing")
    .action(on(async () => (await import("./commands/open.ts")).open));
  program
    .command("sidecar")
    .description("prints everything known about an asset as JSON")
    .argument("<asset>", "id or path")
    .addOption(new Option("--revision <n>", "an older revision").argParser(integer(1, 2 ** 31)))
    .action(on(async () => (await import("./commands/sidecar.ts")).sidecar));

  const assets = program.command("assets").description("lists and removes assets");
  assets
    .command("ls", { isDefault: true })
    .description("lists the assets of the archive, newest first")
    .action(on(async () => (await import("./commands/assets.ts")).listAssets));
  assets
    .command("rm")
    .description("removes assets from the archive; the media files themselves are not touched")
    .argument("<asset...>", "ids or paths")
    .action(on(async () => (await import("./commands/assets.ts")).removeAssets));

  program
    .command("jobs")
    .description("lists jobs")
    .command("ls", { isDefault: true })
    .description("lists jobs, newest first")
    .option("--active", "only jobs that have not ended")
    .addOption(new Option("--limit <n>", "jobs at most").argParser(integer(1, 100_000)).default(50))
    .action(on(async () => (await import("./commands/jobs.ts")).listJobs));
  program
    .command("cancel")
    .description("cancels jobs")
    .argument("<job...>", "ids, their beginnings, or `last`")
    .action(on(async () => (await import("./commands/jobs.ts")).cancelJobs));
  program
    .command("retry")
    .description("runs ended jobs again; what succeeded before comes from the cache")
    .argument("<job...>", "ids, their beginnings, or `last`")
    .addOption(jobsOption())
    .action(on(async () => (await import("./commands/retry.ts")).retry));
  program
    .command("rerun")
    .description("brings assets up to date with stages that came or changed since")
    .option("--stage <name>", "run this stage again even if its results are known (may be repeated)", several)
    .option("--asset <id>", "only this asset (id or path; may be repeated)", each)
    .option("--all", "all assets (the default without --stage)")
    .option("--dry-run", "only say what would be run, why, and how long it takes")
    .addOption(jobsOption())
    .action(on(async () => (await import("./commands/rerun.ts")).rerun));
  program
    .command("plan")
    .description("says what indexing a file would do, without doing it")
    .argument("<path>", "a file")
    .action(on(async () => (await import("./commands/plan.ts")).plan));
  program
    .command("status")
    .description("what is up, what waits, what room is left")
    .action(on(async () => (await import("./commands/status.ts")).status));
  program
    .command("watch")
    .description("shows the jobs under way until there are none")
    .addOption(jobsOption())
    .action(on(async () => (await import("./commands/watch.ts")).watch));
  const stages = program.command("stages").description("lists stages, turns them off and on");
  stages
    .command("ls", { isDefault: true })
    .description("lists stages, their workers and models")
    .action(on(async () => (await import("./commands/stages.ts")).listStages));
  stages
    .command("disable")
    .description("turns a stage off and removes what it made, in all assets")
    .argument("<stage>", "such as vision.faces")
    .option("--keep", "leave what it made")
    .option("--dry-run", "only say what would be removed")
    .action(on(async () => (await import("./commands/stages.ts")).disableStage));
  stages
    .command("enable")
    .description("turns a stage on again; `rerun` makes what it makes")
    .argument("<stage>", "such as vision.faces")
    .action(on(async () => (await import("./commands/stages.ts")).enableStage));

  const stage = program.command("stage").description("helps to write a stage of one's own");
  stage
    .command("new")
    .description("writes a small project of a stage that works")
    .argument("<dir>", "a folder that is not there yet")
    .addOption(new Option("--lang <language>", "its language").choices(["ts", "python", "go"]).makeOptionMandatory())
    .option("--name <name>", "name of the stage (default: org.example. and the folder's name)")
    .action(on(async () => (await import("./commands/stage-new.ts")).newStage));
  stage
    .command("test")
    .description("finds out whether a worker keeps the contract")
    .argument("<command...>", "what starts the worker, behind `--`")
    .option("--stage <name>", "which of its stages (default: the one it serves)")
    .option("--input <port=file>", "a file for an input port that the kit makes nothing for (may be repeated)", each)
    .option("--check <id>", "only this check, such as HX-STG-004 (may be repeated)", several)
    .action(on(async () => (await import("./commands/stage-test.ts")).testStage));

  const models = program.command("models").description("lists, fetches, checks and chooses models");
  models
    .command("ls", { isDefault: true })
    .description("lists models")
    .action(on(async () => (await import("./commands/models.ts")).listModels));
  models
    .command("pull")
    .description("fetches models that are not there yet")
    .argument("[model...]", "ids or a profile", ["bundled"])
    .option("--from <folder>", "folder to copy one model from, instead of its source")
    .action(on(async () => (await import("./commands/models.ts")).pullModels));
  models
    .command("use")
    .description("sets stages to a model, and runs again what that changes")
    .argument("<what>", "a profile, a model's id, or STAGE=ID")
    .option("--yes", "do not ask")
    .action(on(async () => (await import("./commands/use-model.ts")).useModel));
  models
    .command("verify")
    .description("reads every byte of the models and compares it with its digest")
    .argument("[model...]", "ids or a profile; default: every model that is there")
    .action(on(async () => (await import("./commands/models.ts")).verifyModels));
  models
    .command("rm")
    .description("removes a model's files, and forgets what was recorded of them")
    .argument("<model...>", "ids")
    .action(on(async () => (await import("./commands/models.ts")).removeModels));
  models
    .command("doctor")
    .description("checks each stage's model: is it there, is it whole, does it load")
    .action(on(async () => (await import("./commands/model-doctor.ts")).modelDoctor));

  const keys = program.command("keys").description("makes and revokes the keys that callers show");
  keys
    .command("ls", { isDefault: true })
    .description("lists keys, newest first")
    .action(on(async () => (await import("./commands/keys.ts")).listKeys));
  keys
    .command("create")
    .description("makes a key and prints it, this once")
    .argument("<name>", "what it is for")
    .addOption(
      new Option("--role <role>", "what it may be used for")
        .choices(["viewer", "editor", "admin", "stage", "monitor"])
        .makeOptionMandatory(),
    )
    .option("--tenant <tenant>", "tenant it acts on; `*`, for stage alone, is all (default: your own)")
    .option("--stage <name>", "stage that a stage key may serve (may be repeated; default: all)", several)
    .addOption(
      new Option("--expires <time>", "good for so long, such as 90d, 12h or 30m (default: for ever)").argParser(life),
    )
    .action(on(async () => (await import("./commands/keys.ts")).createKey));
  keys
    .command("revoke")
    .description("ends keys, at once and for good")
    .argument("<key...>", "ids")
    .action(on(async () => (await import("./commands/keys.ts")).revokeKeys));
  keys
    .command("rotate")
    .description("gives a key a new secret and prints it, this once")
    .argument("<key>", "id")
    .addOption(
      new Option("--overlap <time>", "how long the old secret stays good, at most 7d (default: it ends now)").argParser(
        life,
      ),
    )
    .action(on(async () => (await import("./commands/keys.ts")).rotateKey));

  program
    .command("trace")
    .description("draws where a job's time went")
    .argument("<job>", "id, its beginning, or `last`")
    .action(on(async () => (await import("./commands/trace.ts")).trace));
  program
    .command("logs")
    .description("prints the end of the logs")
    .argument("[service...]", "such as host or stage-media; default: all")
    .option("-f, --follow", "go on with what is written from now on")
    .addOption(new Option("-n, --lines <n>", "lines at most").argParser(integer(0, 1_000_000)).default(100))
    .action(on(async () => (await import("./commands/logs.ts")).logs));
  program
    .command("reindex")
    .description("builds the search index anew from the sidecars alone")
    .action(on(async () => (await import("./commands/reindex.ts")).reindex));
  program
    .command("doctor")
    .description("checks that everything needed is there, and says what to do where it is not")
    .action(on(async () => (await import("./commands/doctor.ts")).doctor));
  return program;
}

function signed(text: string): number {
  const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(Math.abs(value) <= 100)) throw new InvalidArgumentError("It must be a whole number from -100 to 100.");
  return value;
}

function channels(value: string, before: readonly string[] | undefined): string[] {
  const all = several(value, before);
  const wrong = all.find((channel) => !CHANNELS.includes(channel));
  if (wrong !== undefined)
    throw new InvalidArgumentError(`There is no channel ${wrong}; there are ${CHANNELS.join(", ")}.`);
  return all;
}
