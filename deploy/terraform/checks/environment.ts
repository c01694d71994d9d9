import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** One resource or data source of a state, as `terraform show -json` has it. */
export interface Resource {
  readonly address: string;
  readonly mode: "managed" | "data";
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: as the provider's schema has it
  readonly values: any;
}

interface Module {
  readonly resources?: Resource[];
  readonly child_modules?: Module[];
}

interface State {
  readonly root_module: Module;
}

/** What a mocked run of an environment's tests leaves: everything that it printed, plans and states included, and the resources of its state. */
export interface Run {
  readonly printed: string;
  readonly resources: readonly Resource[];
}

const TF = process.env.TF ?? "terraform";
/** Copy of deploy/terraform in which `init` has run. */
export const COPY = process.env.HEIMDEX_TERRAFORM ?? "";

/** Applies an environment with a provider that makes up what Google would answer, in a copy of its own.
 * @param mocks what the provider answers, in HCL
 * @param variables of the run, in HCL
 * @param change edits the copy first */
export function runMocked(
  environment: string,
  { mocks = "", variables = "", change = (_folder: string) => {} } = {},
): Run {
  const folder = mkdtempSync(join(COPY, "..", "heimdex-terraform-"));
  // The provider itself stays where it is: `init` has left links to it.
  cpSync(COPY, folder, { recursive: true, verbatimSymlinks: true, filter: (from) => from !== join(COPY, "plugins") });
  change(folder);
  const at = join(folder, "environments", environment);
  // The environments share a folder of tests by a link; each run has one test of its own here.
  const tests = join(at, "mocked");
  cpSync(join(folder, "testdata"), tests, { recursive: true });
  writeFileSync(
    join(tests, "run.tftest.hcl"),
    `mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }
  ${mocks}
}
variables {
  project = "films-project"
  region  = "europe-west4"
  domain  = "films.example.com"
  ${variables}
}
run "plan" {
  command = plan
}
run "apply" {
  command = apply
}
`,
  );
  try {
    const args = ["test", "-json", "-verbose", "-test-directory=mocked"];
    const printed = execFileSync(TF, args, {
      cwd: at,
      encoding: "utf8",
      maxBuffer: 256 * 1024 ** 2,
      env: { ...process.env, TF_CLI_ARGS: "" },
    });
    const state = printed
      .split("\n")
      .filter((line) => line.includes('"type":"test_state"'))
      .map((line) => JSON.parse(line) as { test_state: State & { values?: State } })
      .at(-1)?.test_state;
    if (state === undefined) throw new Error(`no state was printed:\n${printed.slice(0, 4_000)}`);
    // OpenTofu has it one level deeper than Terraform.
    return { printed, resources: resourcesOf((state.values ?? state).root_module) };
  } catch (reason) {
    throw new Error(`${environment}: ${(reason as { stdout?: string }).stdout ?? ""}`, { cause: reason });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function resourcesOf({ resources = [], child_modules = [] }: Module): Resource[] {
  return [...resources, ...child_modules.flatMap(resourcesOf)];
}

/** The images that this check was given. */
export function images(): Record<string, string> {
  return JSON.parse(readFileSync(process.env.TF_VAR_images_file ?? "", "utf8")) as Record<string, string>;
}

/** Every container of Cloud Run: services, worker pools and jobs. */
export function containers(resources: readonly Resource[]) {
  return resources
    .filter(({ type, mode }) => mode === "managed" && /^google_cloud_run_v2_(service|worker_pool|job)$/.test(type))
    .map(({ values, type }) => {
      const template = type.endsWith("_job") ? values.template[0].template[0] : values.template[0];
      const container = template.containers[0];
      return {
        name: String(values.name).replace(/^heimdex-(stg|prod)-/, ""),
        type,
        values,
        template,
        image: String(container.image),
        args: container.args as string[] | null,
        env: container.env as { name: string; value: string | null; value_source: unknown[] }[],
      };
    });
}
