/**
 * Exports a stored thread page by page: as JSON or lines of JSON, which `Import` reads, or as Markdown for people.
 * A blob comes before the events that name it. Reads the log up to its head at the start. Secrets are not in the log, so they are not exported (X4).
 */
import { type Blob, named } from "@millrace/contracts/Blob"
import type { CursorAhead, CursorExpired, NotFound } from "@millrace/contracts/Errors"
import { domainEvent, type LogEvent } from "@millrace/contracts/Event"
import { type ThreadId, threadStream } from "@millrace/contracts/Ids"
import { type ExportFormat, type ExportHeader, exportVersion } from "@millrace/contracts/Import"
import { given } from "@millrace/contracts/Labels"
import { settingsOf } from "@millrace/contracts/Settings"
import type { ThreadView } from "@millrace/contracts/State"
import { EventLog, type LogUnavailable, type StoredEvent } from "@millrace/log/EventLog"
import { Effect, Option, Stream } from "effect"
import * as Markdown from "./Markdown.ts"
import { TranscriptBuilder } from "./TranscriptBuilder.ts"

/** Maximum bytes of events held at a time. */
const pageBytes = 256 * 1024

interface Writer {
  readonly begin: (header: ExportHeader) => string
  readonly events: (events: ReadonlyArray<StoredEvent>) => string
  /** The record of a blob without its content: the texts before and after it, in base64. Absent: the document names blobs only. */
  readonly blob?: (blob: Blob) => readonly [before: string, after: string]
  readonly end: () => string
}

const blobStart = ({ hash, mediaType }: Blob) => `{"blob":"${hash}","mediaType":${JSON.stringify(mediaType)},"base64":"`

const json = (): Writer => {
  let count = 0
  let isFirst = true
  const separator = () => {
    const text = isFirst ? "\n" : ",\n"
    isFirst = false
    return text
  }
  return {
    begin: (header) => `${JSON.stringify(header).slice(0, -1)},"events":[`,
    events: (events) => {
      count += events.length
      return events.map((event) => `${separator()}${event.json}`).join("")
    },
    blob: (blob) => [`${separator()}${blobStart(blob)}`, '"}'],
    end: () => `\n],"count":${count}}\n`
  }
}

const ndjson = (): Writer => {
  let count = 0
  return {
    begin: (header) => `${JSON.stringify(header)}\n`,
    events: (events) => {
      count += events.length
      return events.map((event) => `${event.json}\n`).join("")
    },
    blob: (blob) => [blobStart(blob), '"}\n'],
    end: () => `{"count":${count}}\n`
  }
}

/** The bytes in base64: the padding is at the end only. */
const base64 = <E, R>(content: Stream.Stream<Uint8Array, E, R>): Stream.Stream<string, E, R> =>
  Stream.suspend(() => {
    let rest = Buffer.alloc(0)
    return Stream.concat(
      Stream.map(content, (part) => {
        const all = Buffer.concat([rest, part])
        const end = all.length - (all.length % 3)
        rest = all.subarray(end)
        return all.subarray(0, end).toString("base64")
      }),
      Stream.sync(() => rest.toString("base64"))
    )
  })

/** The blobs that the events name, each once over all calls. Most events have no such field and are not parsed. */
const newBlobs = () => {
  const seen = new Set<string>()
  return (events: ReadonlyArray<StoredEvent>): ReadonlyArray<Blob> =>
    events
      .filter(({ json }) => json.includes('"blob'))
      .flatMap(({ json }) => named((JSON.parse(json) as { readonly data: Parameters<typeof named>[0] }).data))
      .filter(({ hash }) => !seen.has(hash) && seen.add(hash))
}

const markdown = (): Writer => {
  const builder = new TranscriptBuilder()
  const text = new Markdown.Markdown()
  return {
    begin: ({ thread }) => text.begin(thread),
    events: (events) =>
      events
        .map(({ json }) => {
          const { at, ...logged } = JSON.parse(json) as LogEvent
          const event = domainEvent(logged)
          return (
            text.event(event, at) +
            builder
              .next(event, at)
              .map((piece) => text.piece(piece))
              .join("")
          )
        })
        .join(""),
    end: () =>
      builder
        .rest()
        .map((piece) => text.piece(piece))
        .join("")
  }
}

const writers = { json, ndjson, markdown } satisfies Record<ExportFormat, () => Writer>

/** `NotFound`: the thread was deleted meanwhile, and with it a blob. */
export type ExportError = LogUnavailable | CursorAhead | CursorExpired | NotFound

/** The document in pieces. Reads when pulled; holds one page. The header comes from the given view of the thread. */
export const make = (thread: ThreadView, format: ExportFormat): Stream.Stream<string, ExportError, EventLog> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const log = yield* EventLog
      const head = yield* log.head
      const writer = writers[format]()
      const { threadId, title, provider, cwd, createdAt } = thread
      const header: ExportHeader = {
        millrace: exportVersion,
        logEpoch: log.epoch,
        offset: head,
        thread: { threadId, title, provider, ...settingsOf(thread), cwd, ...given(thread), createdAt }
      }
      const pages = Stream.paginateEffect(yield* log.retainedFrom, (after) =>
        Effect.map(
          log.read({ after, stream: threadStream(threadId as ThreadId), maxBytes: pageBytes }),
          (page) =>
            [
              page.events.filter(({ offset }) => offset <= head),
              page.upTo < head ? Option.some(page.upTo) : Option.none<number>()
            ] as const
        )
      )
      const fresh = newBlobs()
      const blobs = (events: ReadonlyArray<StoredEvent>) =>
        Stream.flatMap(Stream.fromIterable(writer.blob === undefined ? [] : fresh(events)), (blob) =>
          Stream.unwrap(
            Effect.map(log.getBlob(blob.hash), (found) => {
              if (found === undefined || writer.blob === undefined) return Stream.empty
              const [before, after] = writer.blob(blob)
              return Stream.make(before).pipe(Stream.concat(base64(found.content)), Stream.concat(Stream.make(after)))
            })
          )
        )
      return Stream.succeed(writer.begin(header)).pipe(
        Stream.concat(
          Stream.flatMap(pages, (events) =>
            Stream.concat(
              blobs(events),
              Stream.sync(() => writer.events(events))
            )
          )
        ),
        Stream.concat(Stream.sync(writer.end)),
        Stream.filter((part) => part !== "")
      )
    })
  )
