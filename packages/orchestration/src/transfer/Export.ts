/**
 * Exports a stored thread page by page: as JSON or lines of JSON, which `Import` reads, or as Markdown for people.
 * Reads the log up to its head at the start. Secrets are not in the log, so they are not exported (X4).
 */
import { defined } from "@millrace/contracts/Defined"
import type { CursorAhead, CursorExpired } from "@millrace/contracts/Errors"
import { domainEvent, type LogEvent } from "@millrace/contracts/Event"
import { type ThreadId, threadStream } from "@millrace/contracts/Ids"
import { type ExportFormat, type ExportHeader, exportVersion } from "@millrace/contracts/Import"
import { given } from "@millrace/contracts/Labels"
import type { ThreadView } from "@millrace/contracts/State"
import { EventLog, type LogUnavailable, type StoredEvent } from "@millrace/log/EventLog"
import { Effect, Option, Stream } from "effect"
import * as Markdown from "./Markdown.ts"
import { TranscriptBuilder } from "./TranscriptBuilder.ts"

/** Most bytes of events held at a time. */
const pageBytes = 256 * 1024

interface Writer {
  readonly begin: (header: ExportHeader) => string
  readonly events: (events: ReadonlyArray<StoredEvent>) => string
  readonly end: () => string
}

const json = (): Writer => {
  let count = 0
  return {
    begin: (header) => `${JSON.stringify(header).slice(0, -1)},"events":[`,
    events: (events) => events.map((event) => `${count++ === 0 ? "\n" : ",\n"}${event.json}`).join(""),
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
    end: () => `{"count":${count}}\n`
  }
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

export type ExportError = LogUnavailable | CursorAhead | CursorExpired

/** The document in pieces. Reads when pulled; holds one page. The header comes from the given view of the thread. */
export const make = (thread: ThreadView, format: ExportFormat): Stream.Stream<string, ExportError, EventLog> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const log = yield* EventLog
      const head = yield* log.head
      const writer = writers[format]()
      const { threadId, title, provider, model, cwd, createdAt } = thread
      const header: ExportHeader = {
        millrace: exportVersion,
        logEpoch: log.epoch,
        offset: head,
        thread: { threadId, title, provider, ...defined({ model }), cwd, ...given(thread), createdAt }
      }
      const pages = Stream.paginateEffect(yield* log.retainedFrom, (after) =>
        Effect.map(
          log.read({ after, stream: threadStream(threadId as ThreadId), maxBytes: pageBytes }),
          (page) =>
            [
              writer.events(page.events.filter(({ offset }) => offset <= head)),
              page.upTo < head ? Option.some(page.upTo) : Option.none<number>()
            ] as const
        )
      )
      return Stream.succeed(writer.begin(header)).pipe(
        Stream.concat(pages),
        Stream.concat(Stream.sync(writer.end)),
        Stream.filter((part) => part !== "")
      )
    })
  )
