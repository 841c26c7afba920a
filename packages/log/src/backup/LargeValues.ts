/**
 * Copies the large values of a database into the objects of a backup: those that the last backup does not have. Each value that is copied is checked: a
 * segment by its checksum and its content, a blob by its hash, one part at a time. In the place of a damaged part, the backup keeps the data that an earlier
 * backup of the same log copied, without the events of threads that were deleted since.
 */
import { readFileSync } from "node:fs"
import { Effect, Either } from "effect"
import { isWhole } from "../Blob.ts"
import type { LogUnavailable } from "../EventLog.ts"
import { masked } from "../Marked.ts"
import * as Segment from "../Segment.ts"
import * as Sqlite from "../Sqlite.ts"
import { StorageFailure } from "../Storage.ts"
import { type Damage, ofParts } from "./Damage.ts"
import type { CopiedBlob, DatabaseCopy, Key } from "./DatabaseCopy.ts"
import type { Part } from "./Manifest.ts"
import type { Objects } from "./Objects.ts"
import * as Stamp from "./Stamp.ts"

/** Parts of the log without their content. `kept`: the backup has it, as an earlier backup copied it. `lost`: it does not. */
interface Missing<A> {
  readonly kept: ReadonlyArray<A>
  readonly lost: ReadonlyArray<A>
}

/** The parts of the log that could not be read. */
export interface Damaged extends Missing<Damage> {
  /** Segments that the log itself emptied when a thread was deleted, because they were damaged. That is not new damage, and no repair of the log ends it. */
  readonly emptied: Missing<Damage>
}

const missing = () => ({ kept: new Array<Part>(), lost: new Array<Part>() })
type Found = ReturnType<typeof missing>

const damageOf = ({ kept, lost }: Found): Missing<Damage> => ({ kept: ofParts(kept), lost: ofParts(lost) })

interface Options {
  readonly copy: DatabaseCopy
  readonly objects: Objects
  /** The values of the last backup of this log. */
  readonly earlier: ReadonlyArray<Part>
}

const io = <A>(run: () => A) => Sqlite.attempt("backup", run)

const place = ({ key, table }: Pick<Part, "table" | "key">) => `${table} ${key}`

export const make = ({ copy, earlier, objects }: Options) => {
  /** The sound parts of the last backup, by row. */
  const before = new Map(
    earlier.filter((part) => part.damaged !== true && objects.has(part)).map((part) => [place(part), part] as const)
  )
  /** The part that the last backup has of this value. It need not be read. */
  const known = (key: Key): Part | undefined => {
    const part = before.get(place(key))
    return part?.stamp === key.stamp ? part : undefined
  }

  /** Undefined: the pages of the value are damaged. */
  const read = (key: Key): Effect.Effect<Uint8Array | undefined, LogUnavailable> =>
    io(() => {
      try {
        return Sqlite.guarded(() => copy.value(key))
      } catch (cause) {
        if (cause instanceof StorageFailure && cause.reason === "corrupt") return undefined
        throw cause
      }
    })
  const put = (key: Key, content: Uint8Array): Effect.Effect<Part, LogUnavailable> =>
    io(() => ({ table: key.table, key: key.key, stamp: key.stamp, ...objects.put(content) }))

  const rescue = Effect.fnUntraced(function* (key: Key) {
    const part = before.get(place(key))
    const last = Stamp.lastOf(key)
    if (part === undefined || Stamp.lastOf(part) !== last) return undefined
    const bytes = yield* io(() => readFileSync(objects.path(part.object)))
    const segment = Segment.open({ ...copy.segment(key.key), crc: Stamp.crcOf(part), bytes })
    if (segment instanceof Segment.Damaged) return undefined
    const forgotten = yield* io(() => copy.forgotten())
    const content = Segment.rewrite(segment, (row) => masked(row, forgotten.get(row.stream)))
    const stored = content === undefined ? undefined : yield* Segment.compress(key.key, last, content)
    const kept = stored === undefined ? part : yield* put({ ...key, stamp: Stamp.ofSegment(stored) }, stored.bytes)
    yield* io(() => copy.setChecksum(kept.key, Stamp.crcOf(kept)))
    return kept
  })

  const copySegment = Effect.fnUntraced(function* (key: Key, damaged: Found, emptied: Found) {
    const bytes = yield* read(key)
    const stored = bytes === undefined ? undefined : { ...copy.segment(key.key), bytes }
    if (stored !== undefined && Either.isRight(yield* Effect.either(Segment.contentOf(stored))))
      return yield* put(key, stored.bytes)
    const found = stored !== undefined && Segment.isEmptied(stored) ? emptied : damaged
    const kept = yield* rescue(key)
    if (kept !== undefined) {
      found.kept.push(kept)
      return kept
    }
    const lost: Part = { ...(yield* put(key, bytes ?? new Uint8Array())), damaged: true }
    found.lost.push(lost)
    return lost
  })

  /** Whether the content of these parts is the blob. Reads what was written. */
  const isBlob = (blob: CopiedBlob, parts: ReadonlyArray<Part>): Effect.Effect<boolean, LogUnavailable> =>
    isWhole(blob, parts.length, (n) => io(() => readFileSync(objects.path(parts[n]!.object))))

  /** The parts of a blob of which some were copied. */
  const checkBlob = Effect.fnUntraced(function* (blob: CopiedBlob, parts: Map<number, Part>, damaged: Found) {
    const current = blob.parts.flatMap((key) => parts.get(key) ?? [])
    if (yield* isBlob(blob, current)) return
    const old = blob.parts.flatMap((key, n) => {
      const part = before.get(place({ table: "blob_parts", key }))
      const found = part === undefined ? undefined : Stamp.blobOf(part)
      return part !== undefined && found?.hash === blob.hash && found.part === n ? [part] : []
    })
    const isKept = old.length === blob.parts.length && (yield* isBlob(blob, old))
    for (const part of isKept ? old : current) parts.set(part.key, isKept ? part : { ...part, damaged: true })
    if (isKept) damaged.kept.push(...old)
    else damaged.lost.push(...current)
  })

  return {
    /** Bytes that the last backup has. */
    knownBytes: (keys: ReadonlyArray<Key>): number => keys.reduce((sum, key) => sum + (known(key)?.bytes ?? 0), 0),
    /** Copies the values, after the tables. `onCopied` runs after each copied value. */
    copy: Effect.fn("LargeValues.copy")(function* (
      keys: ReadonlyArray<Key>,
      onProgress: (done: number) => Effect.Effect<void>,
      onCopied: Effect.Effect<void, LogUnavailable>
    ) {
      const damaged = missing()
      const emptied = missing()
      const segments: Array<Part> = []
      const blobs = new Map<number, Part>()
      const copied = new Set<number>()
      for (const [n, key] of keys.entries()) {
        if (n % 100 === 0) yield* onProgress(n)
        const part = known(key)
        if (key.table === "segments") segments.push(part ?? (yield* copySegment(key, damaged, emptied)))
        else if (part !== undefined) blobs.set(key.key, part)
        else {
          const bytes = yield* read(key)
          blobs.set(key.key, yield* put(key, bytes ?? new Uint8Array()))
          copied.add(key.key)
        }
        if (part !== undefined) continue
        yield* onCopied
        yield* Effect.yieldNow()
      }
      for (const blob of yield* io(() => copy.blobs()))
        if (blob.parts.some((key) => copied.has(key))) yield* checkBlob(blob, blobs, damaged)
      return {
        parts: [...segments, ...blobs.values()],
        damaged: { ...damageOf(damaged), emptied: damageOf(emptied) } satisfies Damaged
      }
    })
  }
}
