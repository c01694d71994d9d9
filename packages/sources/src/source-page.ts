/** A film in a folder or bucket. */
export interface ListedSource {
  readonly uri: string;
  /** Bytes. */
  readonly size: number;
  /** Unix ms. */
  readonly modifiedMs: number;
}

/** A part of what lies below a folder or prefix. */
export interface SourcePage {
  readonly sources: readonly ListedSource[];
  /** What is no film, and why it is taken for none. */
  readonly leftOut: readonly { readonly uri: string; readonly why: string }[];
  /** Where the next page begins; "" behind the last. */
  readonly next: string;
}
