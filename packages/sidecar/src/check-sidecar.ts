import { itemIssues, layerIssues } from "./check-layer.ts";
import { type Issue, pointer } from "./issue.ts";
import { isLayerKind, LAYER_VERSION, type Layer } from "./layers.ts";
import { shapeIssues } from "./shape.ts";
import type { Sidecar } from "./sidecar.ts";

/** RFC 3339, date and time with an offset. */
const TIMESTAMP = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

/** Everything that is wrong with a sidecar, in order of place: first what its schema says and, where that holds, what no schema can say. Empty: it may be
 * written. Pure; never throws. The rules are listed in docs/architecture/sidecar-schema.md. */
export function checkSidecar(value: unknown): Issue[] {
  const shape = shapeIssues(value);
  if (shape.length > 0) return shape;
  const sidecar = value as Sidecar;
  const ids = itemIds(sidecar);
  return [
    ...headIssues(sidecar),
    ...runIssues(sidecar),
    ...sidecar.layers.flatMap((layer, index) =>
      [...origin(sidecar, layer), ...layerIssues(layer), ...itemIssues(layer, ids)].map((issue) => ({
        ...issue,
        path: pointer(["layers", index]) + issue.path,
        run: layer.run,
      })),
    ),
  ];
}

function headIssues({ asset, media, written_at }: Sidecar): Issue[] {
  const times: [string, string | undefined][] = [
    ["/written_at", written_at],
    ["/media/created_at", media?.created_at],
    ...asset.sources.map((source, index): [string, string | undefined] => [
      `/asset/sources/${index}/modified_at`,
      source.modified_at,
    ]),
  ];
  const issues = times.flatMap(([path, time]) => timeIssues(path, time));
  if (!asset.sources.some(({ uri }) => uri === asset.source))
    issues.push({ path: "/asset/source", rule: "source-listed", message: "is not among `sources`" });
  return issues;
}

function timeIssues(path: string, time: string | undefined): Issue[] {
  if (time === undefined || (TIMESTAMP.test(time) && !Number.isNaN(Date.parse(time)))) return [];
  return [{ path, rule: "timestamp", message: `${JSON.stringify(time)} is not RFC 3339` }];
}

function runIssues({ runs }: Sidecar): Issue[] {
  const seen = new Set<string>();
  return runs.flatMap((run, index) => {
    const at = (field: string) => pointer(["runs", index, field]);
    const issues = timeIssues(at("started_at"), run.started_at);
    if (seen.has(run.id)) issues.push({ path: at("id"), rule: "run-unique", message: `another run is ${run.id}, too` });
    seen.add(run.id);
    if ((run.status === "SKIPPED" || run.status === "FAILED") && (run.reason ?? "") === "")
      issues.push({ path: at("reason"), rule: "run-reason", message: `a run that is ${run.status} says why` });
    return issues;
  });
}

/** A layer's run is there, and its status says what the layer shows. */
function origin({ runs, layers }: Sidecar, layer: Layer): Issue[] {
  const run = runs.find(({ id }) => id === layer.run);
  if (run === undefined) return [{ path: "/run", rule: "run-exists", message: `there is no run ${layer.run}` }];
  const found = layers.some((other) => other.run === run.id && other.items.length > 0);
  const wrong = (message: string): Issue[] => [
    { path: "/run", rule: "run-status", message: `${run.id} is ${run.status}, but ${message}` },
  ];
  if (run.status === "SKIPPED" || run.status === "FAILED") return wrong("a layer names it");
  if (run.status === "EMPTY" && found) return wrong("it found something");
  if (run.status === "OK" && !found) return wrong("it found nothing: that is EMPTY");
  return [];
}

/** Ids of the items by kind, of layers this code can read. */
function itemIds({ layers }: Sidecar): ReadonlyMap<string, ReadonlySet<string>> {
  const ids = new Map<string, Set<string>>();
  for (const { kind, version, items } of layers) {
    if (isLayerKind(kind) && version > LAYER_VERSION[kind]) continue;
    const known = ids.get(kind) ?? new Set();
    for (const { id } of items) known.add(id);
    ids.set(kind, known);
  }
  return ids;
}
