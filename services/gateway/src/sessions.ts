import { sharesTenant } from "@heimdex/access";
import type { SessionRecord } from "@heimdex/kernel";
import { type Catalog, readAll } from "@heimdex/ports";

/** Worker sessions that are alive: what tells READY from NO_WORKER, and how far a leased step is. */
export class LiveSessions {
  readonly #byId: ReadonlyMap<string, SessionRecord>;
  /** How many can run a stage, by its name and version. */
  readonly #workers = new Map<string, Map<string, number>>();

  constructor(sessions: readonly SessionRecord[]) {
    this.#byId = new Map(sessions.map((session) => [session.id, session]));
    for (const session of sessions)
      for (const { stage, version, unavailable } of session.stages) {
        if (unavailable !== "") continue;
        const versions = this.#workers.get(stage) ?? new Map<string, number>();
        this.#workers.set(stage, versions.set(version, this.workers(stage, version) + 1));
      }
  }

  /** Those that serve the tenant, seen within `ttlMs` of `nowMs`. */
  static async read(catalog: Catalog, tenant: string, ttlMs: number, nowMs = Date.now()): Promise<LiveSessions> {
    const sessions: SessionRecord[] = [];
    for await (const { body } of readAll<SessionRecord>(catalog, { collection: "sessions", term: "session" }))
      if (body.seenAtMs >= nowMs - ttlMs && sharesTenant(body.tenant, tenant)) sessions.push(body);
    return new LiveSessions(sessions);
  }

  /** How many of them can run this version of the stage. */
  workers(stage: string, version: string): number {
    return this.#workers.get(stage)?.get(version) ?? 0;
  }

  /** The versions of a stage that they can run, but one. */
  otherVersions(stage: string, version: string): { version: string; workers: number }[] {
    return [...(this.#workers.get(stage) ?? [])].flatMap(([other, workers]) =>
      other === version ? [] : [{ version: other, workers }],
    );
  }

  /** How far a lease is, 0 to 1, as its session last said; 0 and "" when it said nothing. */
  progress(session: string, lease: string): { readonly progress: number; readonly message: string } {
    const renewal = this.#byId.get(session)?.renewals[lease];
    if (renewal === undefined) return { progress: 0, message: "" };
    const progress = renewal.total > 0 ? Math.min(1, Math.max(0, renewal.done / renewal.total)) : 0;
    return { progress, message: renewal.message };
  }
}
