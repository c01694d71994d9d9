/** What happened in the archive, kept in order for programs beside it, which read it by themselves. Nothing within Heimdex does. */
export interface EventLog {
  /** Makes it where it is not, so that it can be followed before there are events. Repeatable. Rejects with BUS_UNAVAILABLE. */
  prepare(): Promise<void>;
  /** Adds an event at the end. Resolves once it is stored, be it from an earlier call: of one `id` the log takes one within two minutes.
   * Rejects with BUS_UNAVAILABLE when it cannot be stored, or nobody says that it was; it may stand there all the same. */
  append(event: ArchiveEvent): Promise<void>;
}

/** An event as CloudEvents 1.0 has it (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md), in its JSON form. */
export interface ArchiveEvent {
  readonly specversion: "1.0";
  /** Unique in `source`. */
  readonly id: string;
  /** `/tenants/<tenant>`. */
  readonly source: string;
  /** What happened, dot-separated: `heimdex.job.ended`. */
  readonly type: string;
  /** The job or asset it happened to. */
  readonly subject: string;
  /** When, RFC 3339. */
  readonly time: string;
  readonly datacontenttype: "application/json";
  readonly data: { readonly tenant: string };
}
