/**
 * What a store must do so that `StoredLog.make` can turn it into an EventLog. Everything is synchronous: a commit and its publication
 * are one step that no interruption can split (L3).
 */
import { Effect } from "effect"
import type { Batch, Placed } from "./Batch.ts"
import type { BlobHead } from "./Blob.ts"
import { LogUnavailable, type Page, type ReadOptions, type StoredReceipt } from "./EventLog.ts"
import type { Position, Row, RowKey, RowPage } from "./Query.ts"
import type { RowScan } from "./RowPages.ts"

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

/** The epoch of a new log: 26 characters of Crockford base 32, from 26 random numbers of 0 to 31. */
export const epochOf = (digits: Iterable<number>): string => Array.from(digits, (digit) => crockford[digit]).join("")

/** Thrown by a store when the storage fails. Nothing was written; the store can be used again (L9). */
export class StorageFailure extends Error {
  override readonly name = "StorageFailure"
  readonly reason: LogUnavailable["reason"]
  constructor(reason: LogUnavailable["reason"], message: string, cause?: unknown) {
    super(message, { cause })
    this.reason = reason
  }
}

/**
 * The points of an append at which a test can make the storage fail or kill the process. An error that the hook throws counts as a
 * failure of the storage. `committed` is after the commit and before its success is known: a failure there leaves the outcome unknown.
 */
export type Step =
  | "begin"
  | "streams"
  | "blobs"
  | "events"
  | "children"
  | "rows"
  | "deletes"
  | "receipts"
  | "commit"
  | "committed"
  | "rollback"
  | MaintenanceStep

/**
 * The points of packing and trimming: a run of events was read, its segment is written, committed, verified; rows are deleted; all copies of a segment
 * are deleted; free pages are given back; events are trimmed.
 */
export const maintenanceSteps = [
  "run-read",
  "segment-written",
  "segment-committed",
  "segment-verified",
  "rows-deleted",
  "rows-gone",
  "vacuum",
  "trim"
] as const
export type MaintenanceStep = (typeof maintenanceSteps)[number]
export type StepHook = (step: Step) => void

/** One consistent view: everything read through it belongs to `head`. */
export interface StorageView extends Position {
  readonly generation: number
  readonly row: (collection: string, key: string) => Row | undefined
  readonly rankOf: (key: RowKey) => number | undefined
  readonly rows: (scan: RowScan) => RowPage
  readonly count: (collection: string, parent?: string) => number
  readonly events: (options: ReadOptions) => Page
}

/** A stored blob. `id` stays the same until the blob is deleted, and is never used again while a reader may hold it. */
export interface FoundBlob extends BlobHead {
  readonly id: number
}

/** How an upload ends if its content is stored already. */
export interface Finish {
  /** The media type of the blob becomes that of the upload. */
  readonly typed: boolean
  /** The id of the blob of this content, if it cannot be read: the upload takes its place. */
  readonly damaged?: number | undefined
}

/** Blobs outside of a commit. Each call is one transaction. Times are milliseconds since 1970. */
export interface BlobStorage {
  /** Begins an upload, which cannot be found before `finish`. */
  readonly begin: (at: number) => number
  readonly addPart: (id: number, part: number, content: Uint8Array) => void
  /** Ends an upload. If the content is stored already, that blob counts as uploaded now, and the new parts are dropped. */
  readonly finish: (id: number, head: BlobHead, at: number, how: Finish) => void
  readonly abandon: (id: number) => void
  readonly find: (hash: string) => FoundBlob | undefined
  readonly part: (id: number, part: number) => Uint8Array | undefined
  /** Deletes at most one part of a blob that was forgotten, or that was uploaded before this time and has no reference. Returns false if there is none. */
  readonly sweep: (before: number) => boolean
}

export interface Storage {
  readonly epoch: string
  /** One transaction: reads the head and the versions, places the batch, writes it, commits. */
  readonly commit: (batch: Batch) => Placed
  /** One read transaction. The function must not keep the view. */
  readonly view: <A>(read: (view: StorageView) => A) => A
  readonly receipts: (commandIds: ReadonlyArray<string>) => ReadonlyMap<string, StoredReceipt>
  readonly blobs: BlobStorage
  /** Deletes the events at and below the offset. */
  readonly trim: (upTo: number) => void
  /** Statements run by `commit` since the start. */
  readonly statements: () => number
  /** The reason for which the files at the log's paths are no longer the opened ones. `undefined` while they are (L12). */
  readonly lost: () => string | undefined
}

const advice: Record<LogUnavailable["reason"], string> = {
  busy: "Another program holds the database. Close it, or try again.",
  full: "The disk is full, or the log has reached its bound. Free some space, or raise --log-max-bytes; nothing was written.",
  io: "The storage failed. Nothing was written; try again, and check the disk if it keeps failing.",
  corrupt: "The database is damaged. Run `millrace verify`, and restore a backup if it reports problems.",
  lost: "The files of the log are not the ones that this server opened.",
  closed: "The log is closed."
}

/** The error that readers and writers of the log get: the failure, and what to do about it. */
export const unavailable = (operation: string, failure: StorageFailure) =>
  new LogUnavailable({
    operation,
    reason: failure.reason,
    message: `${advice[failure.reason]} (${operation}: ${failure.message})`
  })

/** Runs a synchronous operation of the store. An error that is not a StorageFailure is a defect. */
export const attempt = <A>(operation: string, run: () => A): Effect.Effect<A, LogUnavailable> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(run())
    } catch (cause) {
      return cause instanceof StorageFailure ? Effect.fail(unavailable(operation, cause)) : Effect.die(cause)
    }
  })
