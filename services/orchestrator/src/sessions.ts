import { randomBytes, timingSafeEqual } from "node:crypto";
import { HeimdexError } from "@heimdex/errors";
import type { SessionRecord } from "@heimdex/kernel";
import type { Catalog } from "@heimdex/ports";
import { sha256Hex, timeOrderedId } from "./ids.ts";

export type Renewal = SessionRecord["renewals"][string];
export type Offer = SessionRecord["stages"][number];

/** Worker sessions: in memory as the truth of this process, in the catalog for the others and for the next start. */
export class Sessions {
  readonly #catalog: Catalog;
  readonly #known = new Map<string, SessionRecord>();

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  async open(worker: string, device: string, nowMs: number): Promise<{ session: SessionRecord; token: string }> {
    const token = randomBytes(32).toString("base64url");
    const session: SessionRecord = {
      id: timeOrderedId("s", nowMs),
      tokenHash: sha256Hex(token),
      worker,
      device,
      openedAtMs: nowMs,
      seenAtMs: nowMs,
      mountProven: false,
      stages: [],
      renewals: {},
    };
    await this.#store(session);
    return { session, token };
  }

  /** The session, if the token is its own. Throws SESSION_UNKNOWN or UNAUTHENTICATED. */
  async authenticate(id: string, authorization: string | undefined): Promise<SessionRecord> {
    const session = this.#known.get(id) ?? (await this.#catalog.get<SessionRecord>("sessions", id))?.body;
    if (session === undefined)
      throw new HeimdexError("SESSION_UNKNOWN", `there is no session ${id}`, { metadata: { session: id } });
    const token = /^Bearer (.+)$/.exec(authorization ?? "")?.[1] ?? "";
    if (!timingSafeEqual(Buffer.from(sha256Hex(token)), Buffer.from(session.tokenHash))) {
      throw new HeimdexError("UNAUTHENTICATED", `the token is not that of session ${id}`);
    }
    this.#known.set(id, session);
    return session;
  }

  get(id: string): SessionRecord | undefined {
    return this.#known.get(id);
  }

  /** Sessions of this process, by stage they can run. */
  serving(stage: string): SessionRecord[] {
    return [...this.#known.values()].filter((session) =>
      session.stages.some((offer) => offer.stage === stage && offer.unavailable === ""),
    );
  }

  async update(session: SessionRecord): Promise<void> {
    await this.#store(session);
  }

  /** Notes a sign of life, without a write: the next renewal brings one. */
  seen(id: string, nowMs: number): void {
    const session = this.#known.get(id);
    if (session !== undefined) this.#known.set(id, { ...session, seenAtMs: nowMs });
  }

  async close(id: string): Promise<void> {
    this.#known.delete(id);
    await this.#catalog.write([{ op: "delete", collection: "sessions", id }]);
  }

  /** Sessions of which nothing was heard since `beforeMs`. */
  async forgetSilent(beforeMs: number): Promise<string[]> {
    const forgotten: string[] = [];
    for (const stored of await this.#catalog.find<SessionRecord>({ collection: "sessions", limit: 1000 })) {
      const seenAtMs = Math.max(stored.body.seenAtMs, this.#known.get(stored.id)?.seenAtMs ?? 0);
      if (seenAtMs >= beforeMs) continue;
      await this.close(stored.id);
      forgotten.push(stored.id);
    }
    return forgotten;
  }

  async #store(session: SessionRecord): Promise<void> {
    this.#known.set(session.id, session);
    await this.#catalog.write([
      { op: "put", collection: "sessions", id: session.id, terms: ["session"], sort: "", body: session },
    ]);
  }
}
