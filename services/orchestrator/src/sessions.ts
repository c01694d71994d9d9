import { randomBytes, timingSafeEqual } from "node:crypto";
import { bearerOf, type Gate } from "@heimdex/access";
import { HeimdexError } from "@heimdex/errors";
import type { SessionRecord } from "@heimdex/kernel";
import type { Catalog, Document } from "@heimdex/ports";
import { sha256Hex, timeOrderedId } from "./ids.ts";

export type Offer = SessionRecord["stages"][number];

/** What is remembered of a session is read again after this long: another replica may have changed it. */
const FRESH_MS = 5_000;
const SESSION_ID = /^s_[0-9a-f]{1,64}$/;
const PAGE = 500;

/** Who opens a session, as its key says, and from where. */
export type Holder = Pick<SessionRecord, "key" | "tenant" | "mayServe" | "expiresAtMs" | "outside">;

interface Known {
  readonly document: Document<SessionRecord>;
  readonly readAtMs: number;
}

/** Worker sessions. The catalog has the truth; every change is a compare-and-set over the whole session, so that a renewal and a registration that
 * meet, here or on two replicas, both last. */
export class Sessions {
  readonly #catalog: Catalog;
  readonly #gate: Gate;
  /** Keys that were good, and when they were looked at. */
  readonly #good = new Map<string, number>();
  readonly #onChanged: (id: string, isClosed: boolean) => void;
  readonly #known = new Map<string, Known>();
  /** Signs of life that no write has brought yet. */
  readonly #seen = new Map<string, number>();
  /** Tail of each session's queue of writes. */
  readonly #writing = new Map<string, Promise<unknown>>();
  /** Abort when a session ends. */
  readonly #ends = new Map<string, AbortController>();

  /** @param onChanged what a session offers was changed here, or it was closed here */
  constructor(catalog: Catalog, gate: Gate, onChanged: (id: string, isClosed: boolean) => void = () => {}) {
    this.#catalog = catalog;
    this.#gate = gate;
    this.#onChanged = onChanged;
  }

  /** Aborts when the session ends, here or, as soon as it is heard of, on another replica. */
  endOf(id: string): AbortSignal {
    const known = this.#ends.get(id) ?? new AbortController();
    this.#ends.set(id, known);
    return known.signal;
  }

  /** Another replica has changed the session. */
  changed(id: string, isClosed: boolean): void {
    this.#known.delete(id);
    if (isClosed) this.#forget(id);
  }

  #forget(id: string): void {
    this.#known.delete(id);
    this.#seen.delete(id);
    this.#ends.get(id)?.abort();
    this.#ends.delete(id);
  }

  /** The session, as it is if what is known of it does not offer all these stages: it may have registered them with another replica just now. */
  async offering(session: SessionRecord, stages: Iterable<string>): Promise<SessionRecord> {
    const offered = new Set(session.stages.map(({ stage }) => stage));
    if ([...stages].every((stage) => offered.has(stage))) return session;
    return (await this.#inTurn(session.id, () => this.#read(session.id)))?.document.body ?? session;
  }

  async open(
    holder: Holder,
    worker: string,
    device: string,
    nowMs: number,
  ): Promise<{ session: SessionRecord; token: string }> {
    const token = randomBytes(32).toString("base64url");
    const session: SessionRecord = {
      ...holder,
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
    const [result] = await this.#catalog.write([{ op: "insert", ...stored(session) }]);
    this.#remember(session, result?.version ?? 1);
    return { session, token };
  }

  /** The session, if the token is its own: for all that has to do with leases it holds, which its token outlives. Throws SESSION_UNKNOWN or
   * UNAUTHENTICATED. Where keys are asked for, a token that is wrong is answered the same whether there is such a session or not. */
  async holder(id: string, authorization: string | undefined): Promise<SessionRecord> {
    const session = SESSION_ID.test(id) ? await this.#current(id) : undefined;
    if (session === undefined && !this.#gate.isShut) throw unknown(id);
    if (session === undefined || !isTokenOf(session, authorization))
      throw new HeimdexError("UNAUTHENTICATED", `the token is not that of session ${id.slice(0, 64)}`);
    await this.#checkKey(session);
    return session;
  }

  /** The same for all else: a token that has expired opens nothing new. */
  async authenticate(id: string, authorization: string | undefined): Promise<SessionRecord> {
    return fresh(await this.holder(id, authorization));
  }

  /** The session of a token, for calls that name none. Throws UNAUTHENTICATED. */
  async byToken(authorization: string | undefined): Promise<SessionRecord> {
    const term = `token:${tokenHash(authorization)}`;
    const [found] = await this.#catalog.find<SessionRecord>({ collection: "sessions", term, limit: 1 });
    if (found === undefined) throw new HeimdexError("UNAUTHENTICATED", "the token is that of no session");
    await this.#checkKey(found.body);
    return fresh(found.body);
  }

  /** A session lives no longer than its key. */
  async #checkKey({ id, key }: SessionRecord): Promise<void> {
    if (!this.#gate.isShut) return;
    if (Date.now() - (this.#good.get(key) ?? 0) < FRESH_MS) return;
    this.#good.delete(key);
    if (key === "" || !(await this.#gate.isGood(key)))
      throw new HeimdexError("UNAUTHENTICATED", `the key that session ${id} was opened with is good no more`, {
        help: "Give the worker one that is good: HEIMDEX_STAGE_KEY or HEIMDEX_STAGE_KEY_FILE.",
      });
    this.#good.set(key, Date.now());
  }

  /** How many sessions that were heard of since `sinceMs` can run the stage.
   * @param version this one of it. Default: any */
  async serving(stage: string, sinceMs: number, version?: string): Promise<number> {
    return (await this.live(sinceMs)).filter(({ stages }) =>
      stages.some(
        (offer) =>
          offer.stage === stage && offer.unavailable === "" && (version === undefined || offer.version === version),
      ),
    ).length;
  }

  /** The sessions that were heard of since `sinceMs`. */
  async live(sinceMs: number): Promise<SessionRecord[]> {
    return (await this.#all()).map(({ body }) => body).filter((session) => this.#seenAtMs(session) >= sinceMs);
  }

  /** Changes a session as it now is, and stores it. Throws SESSION_UNKNOWN when it has ended.
   * @param change may be called again, over what another replica wrote */
  change(id: string, change: (session: SessionRecord) => SessionRecord): Promise<SessionRecord> {
    return this.#inTurn(id, async () => {
      for (;;) {
        const known = this.#known.get(id) ?? (await this.#read(id));
        if (known === undefined) throw unknown(id);
        const before = known.document.body;
        const session = change(before);
        const op = { op: "replace", version: known.document.version, ...stored(session) } as const;
        const [result] = await this.#catalog.write([op]);
        if (result?.ok === true) {
          this.#remember(session, result.version);
          if (session.stages !== before.stages || session.mountProven !== before.mountProven)
            this.#onChanged(id, false);
          return session;
        }
        this.#known.delete(id);
      }
    });
  }

  /** Notes a sign of life, without a write: the next renewal brings one. */
  seen(id: string, nowMs: number): void {
    this.#seen.set(id, nowMs);
  }

  close(id: string): Promise<void> {
    return this.#inTurn(id, async () => {
      this.#forget(id);
      await this.#catalog.write([{ op: "delete", collection: "sessions", id }]);
      this.#onChanged(id, true);
    });
  }

  /** Ends the sessions of which nothing was heard since `beforeMs`. */
  async forgetSilent(beforeMs: number): Promise<void> {
    for (const { id, body } of await this.#all()) if (this.#seenAtMs(body) < beforeMs) await this.close(id);
  }

  /** Ends all sessions. */
  async forgetAll(): Promise<void> {
    for (const { id } of await this.#all()) await this.close(id);
  }

  #seenAtMs(session: SessionRecord): number {
    return Math.max(session.seenAtMs, this.#seen.get(session.id) ?? 0);
  }

  async #current(id: string): Promise<SessionRecord | undefined> {
    const known = this.#known.get(id);
    if (known !== undefined && Date.now() - known.readAtMs < FRESH_MS) return known.document.body;
    return (await this.#inTurn(id, () => this.#read(id)))?.document.body;
  }

  async #read(id: string): Promise<Known | undefined> {
    const document = await this.#catalog.get<SessionRecord>("sessions", id);
    if (document === undefined) {
      this.#forget(id);
      return undefined;
    }
    return this.#remember(document.body, document.version);
  }

  #remember(body: SessionRecord, version: number): Known {
    const known = { document: { id: body.id, version, terms: [], sort: "", body }, readAtMs: Date.now() };
    this.#known.set(body.id, known);
    return known;
  }

  async #all(): Promise<Document<SessionRecord>[]> {
    const found: Document<SessionRecord>[] = [];
    for (;;) {
      const last = found.at(-1);
      const page = await this.#catalog.find<SessionRecord>({
        collection: "sessions",
        limit: PAGE,
        ...(last === undefined ? {} : { after: { id: last.id } }),
      });
      found.push(...page);
      if (page.length < PAGE) return found;
    }
  }

  async #inTurn<R>(id: string, work: () => Promise<R>): Promise<R> {
    const before = this.#writing.get(id) ?? Promise.resolve();
    const run = before.then(work, work); // whoever was before has told its own caller of its failure
    this.#writing.set(id, run);
    try {
      return await run;
    } finally {
      if (this.#writing.get(id) === run) this.#writing.delete(id);
    }
  }
}

function stored(session: SessionRecord) {
  const terms = ["session", `token:${session.tokenHash}`];
  return { collection: "sessions", id: session.id, terms, sort: "", body: session } as const;
}

function tokenHash(authorization: string | undefined): string {
  return sha256Hex(bearerOf(authorization) ?? "");
}

function isTokenOf(session: SessionRecord, authorization: string | undefined): boolean {
  return timingSafeEqual(Buffer.from(tokenHash(authorization)), Buffer.from(session.tokenHash));
}

function fresh(session: SessionRecord): SessionRecord {
  if (session.expiresAtMs === 0 || Date.now() < session.expiresAtMs) return session;
  throw new HeimdexError("UNAUTHENTICATED", `the token of session ${session.id} has expired`, {
    help: "Open a new session.",
  });
}

function unknown(id: string): HeimdexError {
  return new HeimdexError("SESSION_UNKNOWN", `there is no session ${id.slice(0, 64)}`, {
    metadata: { session: id.slice(0, 64) },
  });
}
