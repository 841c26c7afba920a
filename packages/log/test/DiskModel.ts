/** The state that a reader of a data directory knows. Each later start must agree with it. `check` opens the directory as a server does. */
import * as DataDirectory from "@millrace/log/DataDirectory"
import { EventLog } from "@millrace/log/EventLog"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import * as Segment from "@millrace/log/internal/Segment"
import * as Sqlite from "@millrace/log/internal/Sqlite"
import * as SqliteCheck from "@millrace/log/SqliteCheck"
import { verify } from "@millrace/log/Verify"
import { Effect } from "effect"
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"

/** The reports of a child before its end, in order. */
export interface Life {
  readonly events: ReadonlyArray<string>
  readonly acked: number
  readonly trims: ReadonlyArray<number>
  /** Deleted threads of acknowledged appends, and the last offset of each append. Retention may remove the event itself before the next start. */
  readonly deletions: ReadonlyArray<readonly [stream: string, upTo: number]>
  /** Blobs of acknowledged appends. */
  readonly blobs: ReadonlyArray<readonly [hash: string, stream: string]>
}

export const lifeOf = (lines: ReadonlyArray<string>): Life => {
  const life = {
    events: Array.of<string>(),
    acked: 0,
    trims: Array.of<number>(),
    deletions: Array.of<readonly [string, number]>(),
    blobs: Array.of<readonly [string, string]>()
  }
  let pending: Array<readonly [string, string]> = []
  let deleting: string | undefined
  for (const line of lines) {
    const {
      acked,
      blob,
      deleting: next,
      event,
      stream,
      trim
    } = JSON.parse(line) as {
      readonly acked?: number
      readonly blob?: string
      readonly deleting?: string
      readonly event?: string
      readonly stream?: string
      readonly trim?: number
    }
    if (event !== undefined) life.events.push(event)
    if (trim !== undefined) life.trims.push(trim)
    if (next !== undefined) deleting = next
    if (blob !== undefined && stream !== undefined) pending.push([blob, stream])
    if (acked !== undefined) {
      life.acked = acked
      life.blobs.push(...pending)
      pending = []
      if (deleting !== undefined) life.deletions.push([deleting, acked])
      deleting = undefined
    }
  }
  return life
}

interface Event {
  readonly offset: number
  readonly stream: string
  readonly version: number
  readonly type: string
}
const parse = (json: string) => JSON.parse(json) as Event

/** The word that everything of a thread contains. */
export const wordOf = (stream: string): string => `word-of-${stream.slice(7)}-`

/** The files below the directory with one of the texts. */
export const filesWith = (directory: string, texts: ReadonlyArray<string | Buffer>): ReadonlyArray<string> =>
  texts.length === 0 || !existsSync(directory)
    ? []
    : readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((name) => {
        const file = join(directory, name)
        if (!statSync(file).isFile()) return false
        const content = readFileSync(file)
        return texts.some((text) => content.includes(text))
      })

/** Whether the file is not one that a restore moved aside, or built and did not finish. */
const isInUse = (name: string): boolean => !/^(replaced-\d+|restore\.partial)\//.test(name)

interface Packed {
  readonly content: Buffer
  readonly bytes: Uint8Array
  /** A part of the compressed bytes that identifies them. */
  readonly mark: Buffer
}

/** The segments of a database that no log has open. */
const segmentsOf = (file: string) =>
  Effect.gen(function* () {
    const db = Sqlite.openReader(file)
    const stored = db
      .prepare("SELECT first, last, codec, crc, bytes FROM segments ORDER BY first")
      .all() as ReadonlyArray<Segment.Stored>
    Sqlite.close(db)
    return yield* Effect.forEach(stored, (one) =>
      Effect.map(Segment.contentOf(one), (content): Packed => ({
        content,
        bytes: one.bytes,
        mark: Buffer.from(one.bytes.slice(one.bytes.length >> 1, (one.bytes.length >> 1) + 24))
      }))
    )
  })

export class DiskModel {
  epoch: string | undefined
  retained = 0
  head = 0
  /** The JSON of each event at its first read. */
  known = new Map<number, string>()
  /** Deleted threads, and the offset of the event that reports it. */
  deleted = new Map<string, number>()
  blobs = new Map<string, { readonly stream: string; readonly upTo: number }>()
  /** Marks of segments that contained a word of a thread. */
  private marks: Array<{ readonly word: string; readonly mark: Buffer }> = []

  get living(): ReadonlyArray<string> {
    const streams = new Set(Array.from(this.known.values(), (json) => parse(json).stream))
    return [...streams].filter((stream) => stream.startsWith("thread/") && !this.deleted.has(stream))
  }

  /** After this call the directory holds a restored backup. */
  rewind(manifest: { readonly head: number; readonly retainedFrom: number }): void {
    const isKept = (offset: number) => offset <= manifest.head
    this.known = new Map([...this.known].filter(([offset]) => isKept(offset)))
    this.deleted = new Map([...this.deleted].filter(([, offset]) => isKept(offset)))
    this.blobs = new Map([...this.blobs].filter(([, { upTo }]) => isKept(upTo)))
    this.marks = []
    this.retained = manifest.retainedFrom
    this.head = manifest.head
    this.epoch = undefined
  }

  /** The violations that a start finds after a life. */
  check(dataDir: string, life: Life) {
    return Effect.gen(this, function* () {
      const wrong: Array<string> = []
      const file = join(dataDir, "log.db")
      yield* Effect.scoped(
        Effect.gen(this, function* () {
          const directory = yield* DataDirectory.make(dataDir)
          const log = yield* EventLogSqlite.make({ file: directory.logFile, anchor: directory.anchorFile, ringBytes: 1 })
          if (this.epoch !== undefined && log.epoch !== this.epoch) wrong.push(`the epoch ${this.epoch} became ${log.epoch}`)
          this.epoch = log.epoch
          const retained = yield* log.retainedFrom
          if (retained < this.retained || retained > Math.max(this.retained, ...life.trims))
            wrong.push(`retained from ${this.retained}, removed up to ${life.trims.join(", ")}, now from ${retained}`)
          const read = Effect.map(log.read({ after: retained, limit: 1e6, maxBytes: 1e9 }), ({ events }) =>
            events.map(({ json }) => json)
          )
          const events = yield* read
          const head = yield* log.head
          const delivered = life.events.map((json) => [parse(json), json] as const)
          const least = Math.max(this.head, life.acked, ...delivered.map(([{ offset }]) => offset))
          if (head < least) wrong.push(`event ${least} was acknowledged or delivered, the head is ${head}`)
          for (const [{ offset }, json] of delivered) {
            const first = this.known.get(offset)
            if (first !== undefined && first !== json) wrong.push(`event ${offset} was delivered twice with different content`)
            this.known.set(offset, json)
          }
          for (const [stream, upTo] of life.deletions) this.deleted.set(stream, upTo)
          for (const json of events) {
            const { offset, stream, type } = parse(json)
            if (type === "thread.deleted") this.deleted.set(stream, offset)
          }
          const versions = new Map<string, number>()
          for (const [n, json] of events.entries()) {
            const { offset, stream, type, version } = parse(json)
            if (offset !== retained + n + 1) wrong.push(`event ${offset} is where ${retained + n + 1} should be`)
            const before = versions.get(stream)
            if (before !== undefined && version !== before + 1) wrong.push(`${stream} has version ${version} after ${before}`)
            versions.set(stream, version)
            const first = this.known.get(offset)
            const isForgotten = offset < (this.deleted.get(stream) ?? 0)
            if (isForgotten && (type !== "log.forgotten" || json.includes(wordOf(stream))))
              wrong.push(`event ${offset} of a deleted thread is ${json}`)
            if (
              first !== undefined &&
              (isForgotten ? parse(first).version !== version || parse(first).stream !== stream : first !== json)
            )
              wrong.push(`event ${offset} was ${first.slice(0, 200)} and is ${json.slice(0, 200)}`)
            if (first === undefined) this.known.set(offset, json)
          }
          this.head = head
          this.retained = retained
          for (const offset of this.known.keys()) if (offset <= retained) this.known.delete(offset)
          yield* log.awaitErased
          if (JSON.stringify(yield* read) !== JSON.stringify(events)) wrong.push("erasing changed what readers get")
          for (const [hash, stream] of life.blobs) this.blobs.set(hash, { stream, upTo: life.acked })
          for (const [hash, { stream }] of this.blobs) {
            const isStored = (yield* log.getBlob(hash)) !== undefined
            if (isStored === this.deleted.has(stream))
              wrong.push(`the blob ${hash} of ${stream} is ${isStored ? "still" : "not"} stored`)
            if (!isStored) this.blobs.delete(hash)
          }
          const report = yield* Effect.provideService(verify({ checks: [SqliteCheck.check(file)] }), EventLog, log)
          for (const { message } of report.problems) wrong.push(`verify: ${message}`)
        })
      )
      const words = Array.from(this.deleted.keys(), wordOf)
      const segments = yield* segmentsOf(file)
      for (const word of words)
        if (segments.some(({ content }) => content.includes(word))) wrong.push(`a segment contains ${word}`)
      // The rest of a segment can compress to the same bytes again.
      const isPacked = (mark: Buffer) => segments.some(({ bytes }) => Buffer.from(bytes).includes(mark))
      const marks = this.marks.flatMap(({ mark, word }) => (words.includes(word) && !isPacked(mark) ? [mark] : []))
      for (const name of filesWith(dataDir, [...words, ...marks]).filter(isInUse))
        wrong.push(`${name} contains words of a deleted thread`)
      const living = this.living.map(wordOf)
      this.marks = [
        ...this.marks.filter(({ word }) => !words.includes(word)),
        ...segments.flatMap(({ content, mark }) =>
          living.filter((word) => content.includes(word)).map((word) => ({ word, mark }))
        )
      ].slice(-2_000)
      for (const name of ["restore.ready", "restore.placing"])
        if (existsSync(join(dataDir, name))) wrong.push(`${name} is left after a start`)
      return wrong
    })
  }
}
