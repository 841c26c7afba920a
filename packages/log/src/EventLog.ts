/**
 * The log: events in one order, visible once they are durable, read by cursor. It does not interpret its events.
 *
 * `EventLogSqlite.layer` and `EventLogMemory.layer` pass one behaviour suite (EventLogSuite.ts).
 */
import { Context, type Effect, type Option, Schema, type Stream } from "effect"
import type { CursorAhead, CursorExpired, NotFound } from "@millrace/contracts/Errors"
import type * as Blobs from "./Blob.ts"
import type { HistogramCounts } from "./Histogram.ts"
import type { Answer, Request } from "./Query.ts"

/** An event to append. The log assigns offset and version and encodes the wire JSON once. */
export interface NewEvent {
  readonly stream: string
  readonly type: string
  /** ISO 8601 UTC; the caller's clock. */
  readonly at: string
  /** Session epoch; 0 = none. */
  readonly epoch: number
  readonly commandId?: string
  /** The sender of the command that caused the event: a token's name, or `local` (X6). */
  readonly actor?: string
  /** JSON value. */
  readonly data: unknown
}

/**
 * A change to a read model, applied in the transaction of the append. The caller defines the collections; the log only stores rows. `(collection, key)`
 * is unique. Rows are grouped by `parent` and ordered by their rank, an offset.
 */
export type RowChange =
  | {
      readonly op: "put"
      readonly collection: string
      readonly key: string
      readonly parent: string
      /** Index of the event of the envelope whose offset is the rank. */
      readonly event: number
      /** `keep`: the rank of the first put stays (order of creation); `bump`: the rank moves (order of change). */
      readonly rank: "keep" | "bump"
      /** JSON value; stored encoded. */
      readonly value: unknown
    }
  | { readonly op: "delete"; readonly collection: string; readonly key: string }
  /** Deletes all rows of a parent, including rows that earlier changes of this append put. */
  | { readonly op: "delete-children"; readonly collection: string; readonly parent: string }

/** The stored answer to a command (C2). */
export interface Receipt {
  readonly commandId: string
  /** Digest of the command's body. */
  readonly digest: string
  /** JSON value. The log adds the position: `offset` of the envelope's last event, or of the head when it has none. */
  readonly answer: unknown
}
export interface StoredReceipt extends Receipt {
  readonly offset: number
}

/** Events, row changes, blobs and a receipt that are committed together or not at all. */
export interface Envelope {
  readonly events: ReadonlyArray<NewEvent>
  readonly rows: ReadonlyArray<RowChange>
  readonly receipt?: Receipt
  /**
   * Streams to forget: from this commit on, every event of such a stream is delivered as `log.forgotten`, except the stream's last event of this envelope.
   * Its offset, stream, version and time stay. Its references to blobs are deleted. A blob without other
   * references is deleted, too. A store erases the contents from its files soon afterwards (`awaitErased`).
   */
  readonly forget?: ReadonlyArray<string>
  /** Contents that may be new. Each must be in `references`. */
  readonly blobs?: ReadonlyArray<Blobs.Blob>
  /** The blobs that the events name. Each is stored, or in `blobs` of this append; its stream has an event in this envelope. */
  readonly references?: ReadonlyArray<Blobs.BlobReference>
}

/** Positions of one committed envelope; an envelope without events has `first = last + 1` and `last` = head. */
export interface Committed {
  readonly first: number
  readonly last: number
}

export interface StoredBlob extends Blobs.BlobHead {
  /** The content in parts of at most 1 MiB. Fails with `NotFound` if the blob is deleted while it is read. */
  readonly content: Stream.Stream<Uint8Array, LogUnavailable | NotFound>
  /** Like `content`, but only the bytes from `start` up to, and not including, `end`. Reads only the parts that contain them. */
  readonly slice: (start: number, end: number) => Stream.Stream<Uint8Array, LogUnavailable | NotFound>
}

export interface StoredEvent {
  readonly offset: number
  readonly stream: string
  readonly type: string
  /** The wire JSON, encoded once, at commit. */
  readonly json: string
}

/**
 * The result of one read (D4). `upTo`: the offset up to which the log was read, which is the `after` of the next read. Subscribers at the head share
 * page objects, so values derived from a page can be kept in a WeakMap by page.
 */
export interface Page {
  readonly after: number
  readonly upTo: number
  /** The head in the same read; for a page that is delivered as committed: the head of that commit. */
  readonly head: number
  readonly events: ReadonlyArray<StoredEvent>
  /** The number of commits that forgot streams before this read. Two pages with the same bounds and the same generation are equal. */
  readonly generation: number
}

export interface ReadOptions {
  /** Events with a greater offset. */
  readonly after: number
  readonly stream?: string
  /** Rows; default 1,000. */
  readonly limit?: number
  /** Bytes of JSON; at least one event is returned. Default 1 MiB. */
  readonly maxBytes?: number
}

export interface PackOptions {
  /** Only events with a smaller offset. */
  readonly below: number
  /** Only events whose `at` is before this time, ISO 8601 UTC. */
  readonly before: string
  /** Packs also a segment that is not full. Default: only segments of 1,000 events or 1 MiB. */
  readonly partial?: boolean
  /** Runs between two slices of the work, each of which holds the event loop for a few milliseconds. Default: yields. */
  readonly between?: Effect.Effect<void>
}

/** The result of one step of `pack`. */
export interface Packed {
  /** Events that are in a new segment now. */
  readonly events: number
  /** Size of that segment in the file. */
  readonly bytes: number
  /** Rows that were deleted, because their events are in a segment. */
  readonly rows: number
  /** Pages of the file that were given back. */
  readonly pages: number
  /** Whether another step may have something to do. */
  readonly more: boolean
}

/** A segment, as retention sees it. */
export interface SegmentUsage {
  readonly last: number
  /** The size of the segment in the file. */
  readonly bytes: number
  /** Time of its last event, ISO 8601 UTC. */
  readonly at: string
}

/** The size of a log on the disk, in bytes. All 0 for a log in memory. */
export interface DiskUsage {
  /** The database file without its WAL. */
  readonly fileBytes: number
  readonly walBytes: number
  /** Part of `fileBytes` that later events use before the file grows. */
  readonly freeBytes: number
  readonly segments: number
  /** The blobs of the segments. */
  readonly coldBytes: number
  /** Events up to this offset are in segments. */
  readonly coldUpTo: number
  readonly blobBytes: number
}

/** The storage failed, and nothing was written: if the outcome of a commit is unknown, the log reads the table to learn it (L9). */
export class LogUnavailable extends Schema.TaggedError<LogUnavailable>()("LogUnavailable", {
  operation: Schema.String,
  reason: Schema.Literal("busy", "full", "io", "corrupt", "lost", "closed"),
  message: Schema.String
}) {}

/** An event is larger than 256 KiB (L4). Nothing of its envelope was written. */
export class EventTooLarge extends Schema.TaggedError<EventTooLarge>()("EventTooLarge", {
  type: Schema.String,
  bytes: Schema.Int,
  limitBytes: Schema.Int,
  message: Schema.String
}) {}

/** A blob that an event names is not stored: it was deleted since the caller saw it. Nothing was written. */
export class BlobMissing extends Schema.TaggedError<BlobMissing>()("BlobMissing", {
  stream: Schema.String,
  hash: Schema.String
}) {
  override get message() {
    return `An event of ${this.stream} refers to the blob ${this.hash}, which is not stored.`
  }
}

export type AppendError = LogUnavailable | EventTooLarge | BlobMissing

export const maxEventBytes = 256 * 1024

/**
 * The type of the event that replaces an unreadable event (L6). It has the same offset, and `data` is `{type?, reason}`. The stored row
 * is not changed, so that `verify` and people can examine it.
 */
export const corruptType = "log.corrupt"

/** The stream of an unreadable event whose own stream is unknown. Its version, 0, has no meaning. */
export const unreadableStream = "log/unreadable"

export class EventLog extends Context.Tag("@millrace/log/EventLog")<
  EventLog,
  {
    /** Random id of this incarnation of the log: 26 characters of Crockford base 32. */
    readonly epoch: string
    /** The last committed offset. Never goes back. */
    readonly head: Effect.Effect<number>
    /** Offsets at and below this one are deleted (0: none is). */
    readonly retainedFrom: Effect.Effect<number>
    /** How many commits have forgotten streams (`Page.generation`). */
    readonly generation: Effect.Effect<number>
    /**
     * Commits all envelopes in one transaction, in order, and publishes them before it returns, also if the caller is interrupted
     * (L1, L2, L3). The engine is the only writer. The number of statements does not grow with the batch or the history (L10).
     */
    readonly append: (envelopes: ReadonlyArray<Envelope>) => Effect.Effect<ReadonlyArray<Committed>, AppendError>
    /** One read transaction (D4). An `after` beyond the head is `CursorAhead`. */
    readonly read: (options: ReadOptions) => Effect.Effect<Page, LogUnavailable | CursorAhead | CursorExpired>
    /**
     * Delivers the pages after the offset, then new pages as they are committed, indefinitely. Each page advances: `upTo > after`.
     * With `stream`, a page without events is delivered at most once, to show that the reader has reached the head at which it attached.
     * Holds a cursor and one page; a slow consumer adds latency only to itself (D7). Wake-ups carry no data (D1).
     */
    readonly follow: (options: {
      readonly after: number
      readonly stream?: string
      readonly maxBytes?: number
    }) => Stream.Stream<Page, LogUnavailable | CursorAhead | CursorExpired>
    /** Returns when the head is beyond the offset. */
    readonly awaitBeyond: (offset: number) => Effect.Effect<void>
    /** Answers all parts of the request in one read transaction, at one head (D4). */
    readonly query: <R extends Request>(request: R) => Effect.Effect<Answer<R>, LogUnavailable>
    /** The receipts of those of these commands that have one. Runs one statement. */
    readonly receipts: (commandIds: ReadonlyArray<string>) => Effect.Effect<ReadonlyMap<string, StoredReceipt>, LogUnavailable>
    /**
     * Stores content that no event refers to yet, part by part, and returns its name. Memory: one part. Equal contents are one blob. If the content or
     * the storage fails, nothing is stored.
     */
    readonly putBlob: <E>(
      content: Stream.Stream<Uint8Array, E>,
      mediaType: string
    ) => Effect.Effect<Blobs.BlobHead, E | LogUnavailable>
    /** The blob with this hash, with its content in parts. `undefined` if there is no such blob. */
    readonly getBlob: (hash: string) => Effect.Effect<StoredBlob | undefined, LogUnavailable>
    /** Deletes the blobs that were put before this time (milliseconds since 1970) and that no event refers to. In slices. */
    readonly sweepBlobs: (before: number) => Effect.Effect<void, LogUnavailable>
    /**
     * Deletes the events at and below the offset: readers with a lower cursor get `CursorExpired`. Offsets are never reused.
     */
    readonly trim: (upTo: number) => Effect.Effect<void, LogUnavailable>
    /** Returns when the files of the log, with the copies that migrations left, contain nothing of forgotten streams. */
    readonly awaitErased: Effect.Effect<void>
    /**
     * One step of packing old events into compressed segments, or of giving free pages back to the file system. Offsets, versions and the bytes of every
     * event stay as they are, for every reader (L13). Interruptible; the next step repeats a step that was cut off. A log in memory packs nothing.
     */
    readonly pack: (options: PackOptions) => Effect.Effect<Packed, LogUnavailable>
    readonly disk: Effect.Effect<DiskUsage, LogUnavailable>
    /** The first segment with an event after the offset. `undefined` if there is no such segment. */
    readonly segmentAfter: (offset: number) => Effect.Effect<SegmentUsage | undefined, LogUnavailable>
    /**
     * Checks whether the files at the log's paths are still the files that it has open (L12). If they were moved, removed or replaced, returns the reason as
     * text, and appends fail with `LogUnavailable`, reason `lost`. A log in memory never returns a reason.
     */
    readonly lost: Effect.Effect<Option.Option<string>>
    /** Metrics for `/metrics` and the benchmarks. */
    readonly stats: Effect.Effect<{
      readonly head: number
      readonly batches: number
      readonly statements: number
      readonly events: number
      readonly bytes: number
      readonly ringBytes: number
      /** Per append with events: number of events, bytes of their JSON, seconds of the transaction. */
      readonly perBatch: { readonly events: HistogramCounts; readonly bytes: HistogramCounts; readonly seconds: HistogramCounts }
    }>
  }
>() {}

/** The part of a log that answers requests. */
export type Queryable = Pick<typeof EventLog.Service, "query">
