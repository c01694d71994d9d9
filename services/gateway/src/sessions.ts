import type { SessionRecord } from "@heimdex/kernel";
import { type Catalog, readAll } from "@heimdex/ports";

/** Worker sessions that are alive: what tells READY from NO_WORKER, and how far a leased step is. */
export class LiveSessions {
  readonly #byId: ReadonlyMap<string, SessionRecord>;
  readonly #workers = new Map<string, number>();

  constructor(sessions: readonly SessionRecord[]) {
    this.#byId = new Map(sessions.map((session) => [session.id, session]));
    for (const session of sessions)
      for (const { stage, unavailable } of session.stages)
        if (unavailable === "") this.#workers.set(stage, this.workers(stage) + 1);
  }

  /** Those seen within `ttlMs` of `nowMs`. */
  static async read(catalog: Catalog, ttlMs: number, nowMs = Date.now()): Promise<LiveSessions> {
    const sessions: SessionRecord[] = [];
    for await (const { body } of readAll<SessionRecord>(catalog, { collection: "sessions", term: "session" }))
      if (body.seenAtMs >= nowMs - ttlMs) sessions.push(body);
    return new LiveSessions(sessions);
  }

  /** How many of them can run the stage. */
  workers(stage: string): number {
    return this.#workers.get(stage) ?? 0;
  }

  /** How far a lease is, 0 to 1, as its session last said; 0 and "" when it said nothing. */
  progress(session: string, lease: string): { readonly progress: number; readonly message: string } {
    const renewal = this.#byId.get(session)?.renewals[lease];
    if (renewal === undefined) return { progress: 0, message: "" };
    const progress = renewal.total > 0 ? Math.min(1, Math.max(0, renewal.done / renewal.total)) : 0;
    return { progress, message: renewal.message };
  }
}
