/**
 * Transcripts from elsewhere, into threads of ours: an export, or what an agent itself has kept. Through the engine, as all that is written (L1),
 * in parts; nothing live begins. The same source is the same thread, and each of its turns, items and requests is one of ours for ever: doing it
 * again adds only what is new or has changed.
 */
import { createHash } from "node:crypto"
import { make as command } from "@millrace/contracts/Command"
import { type CommandError, CommandRejected } from "@millrace/contracts/Errors"
import { type DomainEvent, EventData, type LogEvent } from "@millrace/contracts/Event"
import { CommandId, type ItemId, type RequestId, type ThreadId, threadStream, type TurnId } from "@millrace/contracts/Ids"
import {
  ExportHeader,
  exportVersion,
  type Imported,
  ImportFailed,
  type ImportResult,
  type ImportSource
} from "@millrace/contracts/Import"
import { EventLog, maxEventBytes } from "@millrace/log/EventLog"
import { Context, Effect, Either, Schema, Stream } from "effect"
import { Engine } from "./Engine.ts"
import { cutText, isDeep, maxValueBytes } from "./Limits.ts"
import { importedRow } from "./Projection.ts"
import { Records, type Record as Piece } from "./Records.ts"
import * as Seeds from "./Seeds.ts"
import type { ThreadRow } from "./ThreadRow.ts"
import { Transcribe } from "./Transcribe.ts"
import { storageUnavailable } from "./Work.ts"

/** Pieces and bytes of one part: the engine does other things between two parts. */
const part = { pieces: 64, bytes: 96 * 1024 }
/** Turns, items and requests of an export that may be open at a time: what is open is held. A queue has at most 100 turns, a turn a few items. */
const maxOpen = 500

/** The thread that a transcript becomes. */
export interface Target {
  readonly source: ImportSource
  readonly title: string
  readonly provider: string
  readonly model?: string | undefined
  /** A directory of this machine. */
  readonly cwd: string
}

export interface Options<E> {
  /** The bytes of an export, as JSON or lines of JSON. Run twice: it is read whole before anything is written, so it must begin anew each time. */
  readonly source: Stream.Stream<Uint8Array, E>
  /** A directory of this machine, when the one of the export is none. */
  readonly cwd?: string | undefined
  readonly actor?: string | undefined
}

export class Import extends Context.Tag("@millrace/orchestration/Import")<
  Import,
  {
    /** An export that cannot be read is refused whole, with the line, before anything is written. */
    readonly file: <E>(options: Options<E>) => Effect.Effect<ImportResult, ImportFailed | CommandError | E>
    /** Pieces with the ids of their source. Of an agent's own history each turn comes before its items: those that the thread ran itself are left out. */
    readonly transcript: <E>(
      target: Target,
      pieces: Stream.Stream<Imported, E>,
      actor?: string
    ) => Effect.Effect<ImportResult, CommandError | E>
  }
>() {}

const failure = (reason: ImportFailed["reason"], line: number, message: string) =>
  new ImportFailed({ reason, line, message: `Line ${line}: ${message}` })

const json = ({ line, text }: Piece): Either.Either<unknown, ImportFailed> =>
  Either.try({
    try: (): unknown => JSON.parse(text),
    catch: () => failure("malformed", line, "this is not JSON. Nothing was imported.")
  }).pipe(
    Either.filterOrLeft(
      (value) => !isDeep(value),
      () => failure("malformed", line, "its lists and objects are too deep in each other. Nothing was imported.")
    )
  )

const decodeHeader = Schema.decodeUnknownEither(ExportHeader)
const decodeVersion = Schema.decodeUnknownEither(Schema.Struct({ millrace: Schema.Int }))
const isTrailer = Schema.is(Schema.Struct({ count: Schema.Int }))
const decodeEvent = Schema.decodeUnknownEither(Schema.Struct({ type: Schema.String, at: Schema.String, data: Schema.Unknown }))
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
    return Either.mapLeft(decodeHeader(value), (error) => failure("malformed", piece.line, error.message.slice(0, 500)))
  })

/** An event, or how many there were: the trailer. */
const body = (piece: Piece): Either.Either<LogEvent | { readonly count: number }, ImportFailed> =>
  Either.flatMap(json(piece), (value): Either.Either<LogEvent | { readonly count: number }, ImportFailed> => {
    if (isTrailer(value)) return Either.right(value)
    const event = decodeEvent(value)
    if (Either.isLeft(event) || Number.isNaN(Date.parse(event.right.at)))
      return Either.left(failure("malformed", piece.line, "this is no event: it has a type, a time and its data."))
    const data = dataOf.get(event.right.type)?.(event.right.data)
    // A type that this version does not know is passed over (L6).
    if (data !== undefined && Either.isLeft(data))
      return Either.left(failure("malformed", piece.line, `${event.right.type}: ${data.left.message.slice(0, 500)}`))
    return Buffer.byteLength(piece.text) > maxEventBytes
      ? Either.left(failure("too-large", piece.line, `an event has at most ${maxEventBytes} bytes.`))
      : Either.right(value as LogEvent)
  })

const digest = (...parts: ReadonlyArray<string>): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 26)

/** Ids of ours for those of a source, the same each time. */
const names = (threadId: ThreadId) => {
  const of = (prefix: string, id: string) => `${prefix}_${digest(threadId, id)}${id.endsWith("_user") ? "_user" : ""}`
  const turn = (id: string) => of("trn", id) as TurnId
  const item = (id: string) => of("itm", id) as ItemId
  return (piece: Imported): Imported => {
    const own = { threadId, turnId: turn(piece.data.turnId) }
    switch (piece.type) {
      case "turn.imported":
        return { type: piece.type, data: { ...piece.data, ...own } }
      case "item.imported":
        return { type: piece.type, data: { ...piece.data, ...own, itemId: item(piece.data.itemId) } }
      case "request.imported": {
        const { ask, requestId } = piece.data
        const asked = ask.itemId === undefined ? ask : { ...ask, itemId: item(ask.itemId) }
        return { type: piece.type, data: { ...piece.data, ...own, requestId: of("req", requestId) as RequestId, ask: asked } }
      }
    }
  }
}

/** A turn's plan and diff are in its last moment's words: they go first when its event would be too large (L4). */
const fit = (piece: Imported): Imported => {
  if (piece.type !== "turn.imported") return piece
  const { diff: _d, plan: _p, text, ...data } = piece.data
  const bytes = Buffer.byteLength(JSON.stringify(piece.data))
  return bytes <= maxValueBytes ? piece : { type: piece.type, data: { ...data, text: cutText(text, maxValueBytes / 2) } }
}

/** Needs `EventLog` and `Engine`. */
export const make = Effect.gen(function* () {
  const log = yield* EventLog
  const engine = yield* Engine
  /** One at a time: two of the same source would each find nothing of the other. */
  const turn = Effect.unsafeMakeSemaphore(1)

  const look = <A>(read: Parameters<typeof log.view<A>>[0]) => log.view(read).pipe(Effect.mapError(storageUnavailable))

  /** The thread of the source; a deleted one is followed by the next. */
  const threadOf = ({ from, threadId }: ImportSource) =>
    look((view) => {
      for (let n = 1; ; n++) {
        const id = `thr_${digest(from, threadId, String(n))}` as ThreadId
        const row = view.row("thread-state", id)
        if (row === undefined || !(row.value as ThreadRow).deleted) return { threadId: id, created: row === undefined }
      }
    })

  /** Native turns that the thread ran itself: they are there already, with ids of their own. */
  const ownTurns = (threadId: ThreadId) =>
    Effect.gen(function* () {
      const own = new Set<string>()
      let after = yield* log.retainedFrom
      for (;;) {
        const page = yield* log.read({ after, stream: threadStream(threadId) })
        for (const { json, type } of page.events)
          if (type === "turn.started") {
            const { nativeTurnId } = (JSON.parse(json) as { readonly data: { readonly nativeTurnId?: string } }).data
            if (nativeTurnId !== undefined) own.add(nativeTurnId)
          }
        if (page.upTo >= page.head) return own
        after = page.upTo
        yield* Effect.yieldNow()
      }
    }).pipe(
      Effect.catchAll((error) =>
        error._tag === "LogUnavailable" ? Effect.fail(storageUnavailable(error)) : Effect.succeed(new Set<string>())
      )
    )

  const transcript = <E>(
    target: Target,
    pieces: Stream.Stream<Imported, E>,
    actor = "local"
  ): Effect.Effect<ImportResult, CommandError | E> =>
    Effect.gen(function* () {
      const { cwd, model, provider, source, title } = target
      const create = command(CommandId.make(`import-${yield* Seeds.next}`), "project.create", { cwd })
      const { projectId } = yield* engine.dispatch(create, actor)
      if (projectId === undefined) return yield* Effect.dieMessage("a project without an id")
      const { created, threadId } = yield* threadOf(source)
      const own = created ? new Set<string>() : yield* ownTurns(threadId)
      const directory = yield* look((view) => view.row("project-state", projectId)?.value as { readonly cwd: string } | undefined)
      const begin = {
        projectId,
        provider,
        ...(model === undefined ? {} : { model }),
        title: title === "" ? "Imported" : title.slice(0, 500),
        cwd: directory?.cwd ?? cwd,
        imported: source
      }
      const rename = names(threadId)
      let begun = !created
      const counts = { turns: 0, items: 0, requests: 0, written: 0 }
      const skipped = new Set<string>()
      const wanted = (piece: Imported): boolean => {
        if (piece.type === "turn.imported" && piece.data.nativeTurnId !== undefined && own.has(piece.data.nativeTurnId))
          skipped.add(piece.data.turnId)
        return !skipped.has(piece.data.turnId)
      }
      const write = (batch: ReadonlyArray<Imported>) =>
        Effect.gen(function* () {
          const fresh = yield* look((view) =>
            batch.filter((piece) => {
              const { collection, key, value } = importedRow(piece)
              return JSON.stringify(view.row(collection, key)?.value) !== JSON.stringify(value)
            })
          )
          if (fresh.length === 0 && begun) return
          const weight = 1024 + fresh.reduce((sum, piece) => sum + JSON.stringify(piece.data).length, 0)
          if (!(yield* engine.submit({ _tag: "Imported", threadId, begin, pieces: fresh }, weight)))
            return yield* new CommandRejected({
              rule: "ThreadDeleted",
              id: threadId,
              message: "The thread or its project was deleted meanwhile, or a piece is too large for the log. Import it again."
            })
          begun = true
          counts.written += fresh.length
        })
      let batch: Array<Imported> = []
      let bytes = 0
      const flush = Effect.suspend(() => {
        const full = batch
        batch = []
        bytes = 0
        return write(full)
      })
      yield* Stream.runForEach(pieces, (piece) => {
        if (!wanted(piece)) return Effect.void
        counts[piece.type === "turn.imported" ? "turns" : piece.type === "item.imported" ? "items" : "requests"]++
        const ours = fit(rename(piece))
        batch.push(ours)
        bytes += JSON.stringify(ours.data).length
        return batch.length >= part.pieces || bytes >= part.bytes ? flush : Effect.void
      })
      // Also of nothing: an empty thread is a thread.
      yield* flush
      return { threadId, created, ...counts }
    }).pipe(turn.withPermits(1), Effect.withSpan("Import.transcript"))

  /** The records of the export. Between two chunks others have their turn. */
  const records = <E>(source: Stream.Stream<Uint8Array, E>): Stream.Stream<Piece, ImportFailed | E> =>
    Stream.suspend(() => {
      const cut = new Records()
      const decoder = new TextDecoder()
      return source.pipe(
        Stream.tap(() => Effect.yieldNow()),
        Stream.mapConcatEffect((bytes) => {
          const found = cut.push(decoder.decode(bytes, { stream: true }))
          return found === "too-large"
            ? Effect.fail(failure("too-large", cut.line, "this is longer than an export has it."))
            : Effect.succeed(found)
        }),
        Stream.concat(
          Stream.unwrap(
            Effect.sync(() =>
              cut.rest === undefined
                ? Stream.empty
                : Stream.fail(failure("truncated", cut.rest.line, "the export ends in the middle of it. Export it again."))
            )
          )
        )
      )
    })

  /** The header first, then each event: all of it good, and as many as it says. */
  const check = <E>(source: Stream.Stream<Uint8Array, E>) =>
    Effect.gen(function* () {
      let first: ExportHeader | undefined
      let count = 0
      let said: number | undefined
      let last = 1
      const transcribe = new Transcribe()
      yield* Stream.runForEach(records(source), (piece) => {
        last = piece.line
        if (first === undefined) return Effect.map(header(piece), (found) => void (first = found))
        return Effect.flatMap(body(piece), (found) => {
          if (said !== undefined) return failure("malformed", piece.line, "this comes after the end of the export.")
          if ("count" in found) said = found.count
          else {
            count++
            transcribe.next({ type: found.type, data: found.data } as DomainEvent, found.at)
          }
          return transcribe.open > maxOpen
            ? failure("too-large", piece.line, `more than ${maxOpen} turns, items and requests are open at a time.`)
            : Effect.void
        })
      })
      if (first === undefined) return yield* failure("truncated", 1, "this is empty.")
      if (said !== count)
        return yield* failure(
          "truncated",
          last,
          `the export ends after ${count} events${said === undefined ? "" : ` of ${said}`}. Export it again.`
        )
      return first
    })

  return Import.of({
    transcript,
    file: Effect.fn("Import.file")(function* <E>({ actor, cwd, source }: Options<E>) {
      const { logEpoch, thread } = yield* check(source)
      const transcribe = new Transcribe()
      const pieces = records(source).pipe(
        Stream.drop(1),
        Stream.mapConcatEffect((piece) =>
          Effect.map(body(piece), (event) =>
            "count" in event ? [] : transcribe.next({ type: event.type, data: event.data } as DomainEvent, event.at)
          )
        ),
        Stream.concat(Stream.suspend(() => Stream.fromIterable(transcribe.rest())))
      )
      const target: Target = { ...thread, cwd: cwd ?? thread.cwd, source: { from: logEpoch, threadId: thread.threadId } }
      return yield* transcript(target, pieces, actor)
    })
  })
})
