import type { Secret } from "@heimdex/config";

/** A file that can be had somewhere, and what is stated of it there. */
export interface OfferedFile {
  /** Path within the model's folder. */
  readonly name: string;
  /** Web address, or path on this machine. */
  readonly at: URL | string;
  /** Sent to the address' own host. */
  readonly token?: Secret | undefined;
  /** Bytes. Always stated for web addresses. */
  readonly size?: number;
  readonly sha256?: string;
  /** Git's SHA-1 of the content as a blob; stated where `sha256` is not. */
  readonly gitOid?: string;
}

/** What a source has of a model. */
export interface Offer {
  /** Where from, for people and the lock file. */
  readonly from: string;
  readonly commit?: string | undefined;
  /** All files, but for optional ones that are not there. */
  readonly files: readonly OfferedFile[];
}
