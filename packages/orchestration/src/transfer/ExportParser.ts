/**
 * Parses an export from a stream of bytes and checks each record against the format, without holding the whole export in memory. Errors name the line.
 */
import { maxBlobBytes, named } from "@millrace/contracts/Blob"
import { cut, wellFormedJson } from "@millrace/contracts/Text"
import { domainEvent, EventData, type LogEvent } from "@millrace/contracts/Event"
import { ExportHeader, exportVersion, type Imported, ImportFailed } from "@millrace/contracts/Import"
import { maxEventBytes } from "@millrace/log/EventLog"
import { Effect, Either, Schema, Stream } from "effect"
import { webcrypto } from "node:crypto"
import { isDeep } from "../state/Truncation.ts"
import * as BlobRecord from "./BlobRecord.ts"
import { RecordSplitter, type Record as Piece } from "./RecordSplitter.ts"
import { TranscriptBuilder } from "./TranscriptBuilder.ts"

/** Maximum turns, items and requests that an export may have open at a time, because they are held in memory. A queue has at most 100 turns, a turn a few items. */
const maxOpen = 500

const failure = (reason: ImportFailed["reason"], line: number, message: string) =>
  new ImportFailed({ reason, line, message: `Line ${line}: ${message}` })

const json = ({ line, text }: Piece): Either.Either<unknown, ImportFailed> =>
  Either.try({
    try: (): unknown => JSON.parse(text),
    catch: () => failure("malformed", line, "this is not JSON. Nothing was imported.")
  }).pipe(
    Either.filterOrLeft(
      (value) => !isDeep(value),
      () => failure("malformed", line, "its lists and objects are nested too deeply. Nothing was imported.")
    ),
    Either.map(wellFormedJson)
  )

const decodeHeader = Schema.decodeUnknownEither(ExportHeader)
const decodeVersion = Schema.decodeUnknownEither(Schema.Struct({ millrace: Schema.Int.pipe(Schema.positive()) }))
const isTrailer = Schema.is(Schema.Struct({ count: Schema.Int }))
const decodeEvent = Schema.decodeUnknownEither(Schema.Struct({ type: Schema.String, at: Schema.String, data: Schema.Unknown }))
/** ISO 8601 in UTC, as events carry it: times are compared as texts. `Date.parse` alone also takes "1" and "May 5". */
const isTime = (text: string) => /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/.test(text) && !Number.isNaN(Date.parse(text))
const dataOf = new Map(
  Object.entries(EventData).map(([type, schema]) => [type, Schema.decodeUnknownEither(schema as Schema.Schema<unknown>)])
)

const header = (piece: Piece): Either.Either<ExportHeader, ImportFailed> =>
  Either.flatMap(json(piece), (value) => {
    const version = decodeVersion(value)
    if (Either.isLeft(version))
      return Either.left(
        failure("malformed", piece.line, 'an export of Millrace begins with its version, as {"millrace":1, ...}.')
      )
    const { millrace } = version.right
    if (millrace > exportVersion)
      return Either.left(
        failure(
          "newer",
          piece.line,
          `this export has version ${millrace}, and this server reads ${exportVersion}. Import it with a newer Millrace.`
        )
      )
    return Either.mapLeft(decodeHeader(value), (error) => failure("malformed", piece.line, cut(error.message, 500)))
  })

type Body = LogEvent | BlobRecord.BlobRecord | { readonly count: number }

/** The content of a blob, whose hash is checked on the thread pool. */
const contentOf = ({ line }: Piece, { base64, blob }: BlobRecord.BlobRecord): Effect.Effect<Uint8Array, ImportFailed> =>
  Effect.gen(function* () {
    const content = Buffer.from(base64, "base64")
    const digest = yield* Effect.promise(() => webcrypto.subtle.digest("SHA-256", content))
    if (Buffer.from(digest).toString("hex") !== blob)
      return yield* failure("malformed", line, `the content of the blob ${blob} does not have this hash. Export it again.`)
    return content.length > maxBlobBytes
      ? yield* failure("too-large", line, `a blob has at most ${maxBlobBytes} bytes.`)
      : content
  })

/** An event, a blob, or the trailer with the number of events. */
const body = (piece: Piece): Either.Either<Body, ImportFailed> => {
  const blob = BlobRecord.ofLine(piece.text)
  if (blob !== undefined) return Either.right(blob)
  return Either.flatMap(json(piece), (value): Either.Either<Body, ImportFailed> => {
    if (isTrailer(value) || BlobRecord.is(value)) return Either.right(value)
    const event = decodeEvent(value)
    if (Either.isLeft(event) || !isTime(event.right.at))
      return Either.left(
        failure("malformed", piece.line, "this is not an event: an event has a type, a time (ISO 8601, UTC) and data.")
      )
    const data = dataOf.get(event.right.type)?.(event.right.data)
    // Unknown event types are accepted and ignored (L6).
    if (data !== undefined && Either.isLeft(data))
      return Either.left(failure("malformed", piece.line, `${event.right.type}: ${cut(data.left.message, 500)}`))
    return Buffer.byteLength(piece.text) > maxEventBytes
      ? Either.left(failure("too-large", piece.line, `an event has at most ${maxEventBytes} bytes.`))
      : Either.right(value as LogEvent)
  })
}

/** The blobs that an event of a known type names. */
const namedBy = (event: LogEvent) => (dataOf.has(event.type) ? named(event.data as Parameters<typeof named>[0]) : [])

/** The records of the export. Yields to other fibers between two chunks. */
const records = <E>(source: Stream.Stream<Uint8Array, E>): Stream.Stream<Piece, ImportFailed | E> =>
  Stream.suspend(() => {
    const splitter = new RecordSplitter()
    const decoder = new TextDecoder()
    return source.pipe(
      Stream.tap(() => Effect.yieldNow()),
      Stream.mapConcatEffect((bytes) => {
        const found = splitter.push(decoder.decode(bytes, { stream: true }))
        return found === "too-large"
          ? Effect.fail(failure("too-large", splitter.line, "this record is longer than any in an export."))
          : Effect.succeed(found)
      }),
      Stream.concat(
        Stream.unwrap(
          Effect.sync(() =>
            splitter.rest === undefined
              ? Stream.empty
              : Stream.fail(
                  failure("truncated", splitter.rest.line, "the export ends in the middle of this record. Export it again.")
                )
          )
        )
      )
    )
  })

/** Checks the header, each event and the number of events. Reads the export to its end and returns the header. */
export const check = <E>(source: Stream.Stream<Uint8Array, E>) =>
  Effect.gen(function* () {
    let first: ExportHeader | undefined
    let count = 0
    let announced: number | undefined
    let last = 1
    const builder = new TranscriptBuilder()
    const blobs = new Set<string>()
    yield* Stream.runForEach(records(source), (piece) => {
      last = piece.line
      if (first === undefined) return Effect.map(header(piece), (found) => void (first = found))
      return Effect.flatMap(body(piece), (found) => {
        if (announced !== undefined) return failure("malformed", piece.line, "this record comes after the end of the export.")
        if ("blob" in found) return Effect.map(contentOf(piece, found), () => void blobs.add(found.blob))
        if ("count" in found) announced = found.count
        else {
          const missing = namedBy(found).find(({ hash }) => !blobs.has(hash))
          if (missing !== undefined)
            return failure("malformed", piece.line, `no earlier line has the blob ${missing.hash}. Export it again.`)
          count++
          builder.next(domainEvent(found), found.at)
        }
        return builder.open > maxOpen
          ? failure("too-large", piece.line, `more than ${maxOpen} turns, items and requests are open at a time.`)
          : Effect.void
      })
    })
    if (first === undefined) return yield* failure("truncated", 1, "the export is empty.")
    if (announced !== count)
      return yield* failure(
        "truncated",
        last,
        `the export ends after ${count} events${announced === undefined ? "" : ` of ${announced}`}. Export it again.`
      )
    return first
  })

/** The transcript of a checked export, piece by piece. `putBlob` stores each blob before the first piece that names it. Turns, items and requests that are open at its end are closed. */
export const pieces = <E, E2>(
  source: Stream.Stream<Uint8Array, E>,
  putBlob: (content: Uint8Array, mediaType: string) => Effect.Effect<unknown, E2>
): Stream.Stream<Imported, ImportFailed | E | E2> =>
  Stream.suspend(() => {
    const builder = new TranscriptBuilder()
    return records(source).pipe(
      Stream.drop(1),
      Stream.mapConcatEffect((piece) =>
        Effect.flatMap(body(piece), (found) => {
          if ("blob" in found)
            return Effect.zipRight(
              Effect.flatMap(contentOf(piece, found), (content) => putBlob(content, found.mediaType)),
              Effect.succeed<ReadonlyArray<Imported>>([])
            )
          return Effect.succeed("count" in found ? [] : builder.next(domainEvent(found), found.at))
        })
      ),
      Stream.concat(Stream.suspend(() => Stream.fromIterable(builder.rest())))
    )
  })
