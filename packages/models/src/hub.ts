import { loadConfig, SECRET, type Secret, secret } from "@heimdex/config";
import { HeimdexError } from "@heimdex/errors";
import { z } from "zod";
import { FetchFailure } from "./fetch-failure.ts";
import type { FetchLimits } from "./fetch-limits.ts";
import type { HttpClient } from "./http-client.ts";
import type { HfSource, ModelEntry } from "./manifest-schema.ts";
import type { LockedModel } from "./model-lock.ts";
import type { Offer, OfferedFile } from "./offer.ts";
import { retried } from "./retry.ts";

const DEFAULT_ENDPOINT = "https://huggingface.co";
/** Pages of a repository's list; 1,000 files each. More is no model of ours. */
const MAX_PAGES = 20;

const revisionAnswer = z.object({ sha: z.string().regex(/^[0-9a-f]{40}$/) });
const treeAnswer = z.array(
  z.object({
    type: z.string(),
    path: z.string(),
    /** Git's name for the content; for LFS files, for their pointer. */
    oid: z.string(),
    size: z.number(),
    lfs: z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/), size: z.number() }).optional(),
  }),
);

export interface HubSettings {
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly token: Secret | undefined;
}

const tokenSetting = z.object({
  token: secret()
    .meta({ ...SECRET, env: "HF_TOKEN" })
    .optional(),
});

/** HEIMDEX_HF_ENDPOINT, else HF_ENDPOINT, else the public hub; HF_TOKEN, or the file that HF_TOKEN_FILE names. Throws CONFIG_INVALID for an address that is none. */
export function hubSettings(env: Readonly<Record<string, string | undefined>>): HubSettings {
  const endpoint = (env.HEIMDEX_HF_ENDPOINT || env.HF_ENDPOINT || DEFAULT_ENDPOINT).replace(/\/+$/, "");
  if (!/^https?:$/.test(URL.parse(endpoint)?.protocol ?? ""))
    throw new HeimdexError(
      "CONFIG_INVALID",
      `HEIMDEX_HF_ENDPOINT (or HF_ENDPOINT) is "${endpoint}", not a web address`,
      {
        help: `Write it as ${DEFAULT_ENDPOINT}.`,
      },
    );
  return { endpoint, token: loadConfig(tokenSetting, env).token };
}

/** What a hub repository offers of a model: the revision resolved to a commit (the lock's, where one was recorded), and for each file
 * where it is and what the hub states of it. Speaks the hub's paths: `/api/models/REPO/revision/REVISION`,
 * `/api/models/REPO/tree/COMMIT?recursive=true`, `/REPO/resolve/COMMIT/PATH`.
 * Throws FetchFailure. */
export async function offerOfHub(
  entry: ModelEntry,
  source: HfSource,
  locked: LockedModel | undefined,
  settings: HubSettings,
  client: HttpClient,
  limits: FetchLimits,
  onProblem: (text: string) => void,
  signal?: AbortSignal,
): Promise<Offer> {
  const { endpoint, token } = settings;
  const get = (url: URL) => retried(() => client.text(url, { token, signal }), limits, onProblem, signal);
  const api = `${endpoint}/api/models/${source.repo}`;
  const commit =
    locked?.commit ??
    (/^[0-9a-f]{40}$/.test(source.revision)
      ? source.revision
      : read(revisionAnswer, await get(new URL(`${api}/revision/${source.revision}`)), api).sha);
  const tree = new Map<string, z.infer<typeof treeAnswer>[number]>();
  let next: URL | undefined = new URL(`${api}/tree/${commit}?recursive=true`);
  for (let pages = 0; next !== undefined && pages < MAX_PAGES; pages++) {
    const answer = await get(next);
    for (const file of read(treeAnswer, answer, api)) if (file.type === "file") tree.set(file.path, file);
    next = nextPage(answer.headers.link, next);
  }
  const files: OfferedFile[] = [];
  for (const [name, { path = name, optional }] of Object.entries(entry.files)) {
    const file = tree.get(path);
    if (file !== undefined) {
      const at = new URL(`${endpoint}/${source.repo}/resolve/${commit}/${path}`);
      const stated = file.lfs === undefined ? { gitOid: file.oid } : { sha256: file.lfs.oid };
      files.push({ name, at, token, size: file.lfs?.size ?? file.size, ...stated });
    } else if (!optional) {
      throw new FetchFailure(`${source.repo} at ${commit} holds no ${path}`, {
        transient: false,
        help: "See that HEIMDEX_HF_ENDPOINT serves the whole repository.",
      });
    }
  }
  return { from: `${endpoint}/${source.repo}`, commit, files };
}

function read<T>(schema: z.ZodType<T>, { text }: { text: string }, api: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new FetchFailure(`${api} does not answer as a hub does`, {
      transient: false,
      help: "See that HEIMDEX_HF_ENDPOINT names a hub, not a page before it such as a log-in.",
      cause: error,
    });
  }
}

/** RFC 8288: `<...>; rel="next"`. Only on the same host: the token goes along. */
function nextPage(link: string | string[] | undefined, from: URL): URL | undefined {
  const target = /<([^>]+)>;\s*rel="next"/.exec([link].flat().join(", "))?.[1];
  const next = target === undefined ? null : URL.parse(target, from.href);
  return next?.origin === from.origin ? next : undefined;
}
