/**
 * What a store must do so that `StoredLog.make` can turn it into an EventLog. Everything is synchronous: a commit and its publication
 * are one step that no interruption can split (L3).
 */
import type { Batch, Placed } from "./Batch.ts"
import type { LogUnavailable, StoredReceipt, View } from "./EventLog.ts"

/** Thrown by a store when the storage could not do it. Nothing was written; the store can be used again (L9). */
export class StorageFailure extends Error {
  override readonly name = "StorageFailure"
  readonly reason: LogUnavailable["reason"]
  constructor(reason: LogUnavailable["reason"], message: string, cause?: unknown) {
    super(message, { cause })
    this.reason = reason
  }
}

/**
 * The points of an append at which a test can make the storage fail, or the process die: what the hook throws counts as the storage's
 * own failure. `committed` lies after the commit and before its success is known: the outcome is unknown there.
 */
export type Step = "begin" | "streams" | "events" | "rows" | "deletes" | "receipts" | "commit" | "committed" | "rollback"
export type StepHook = (step: Step) => void

export interface StorageView extends View {
  /** Offsets at and below this one are gone. */
  readonly retainedFrom: number
}

export interface Storage {
  readonly epoch: string
  /** One transaction: reads the head and the versions, places the batch, writes it, commits. */
  readonly commit: (batch: Batch) => Placed
  /** One read transaction. */
  readonly view: <A>(read: (view: StorageView) => A) => A
  readonly receipts: (commandIds: ReadonlyArray<string>) => ReadonlyMap<string, StoredReceipt>
  readonly putBlob: (hash: string, bytes: Uint8Array) => void
  readonly getBlob: (hash: string) => Uint8Array | undefined
  /** Forgets the events at and below the offset. */
  readonly trim: (upTo: number) => void
  /** Statements run by `commit` since the start. */
  readonly statements: () => number
}
