/**
 * Imports a transcript as a thread. The source is an export, or a conversation that an agent has stored itself. Writes through the engine (L1), in
 * parts; starts no session. Ids are derived from the source, so importing the same source again finds the same thread, turns, items and requests, and
 * writes only those that are new or have changed.
 */
import { cut, wellFormedJson } from "@millrace/contracts/Text"
import { createHash } from "node:crypto"
import { make as command } from "@millrace/contracts/Command"
import { type CommandError, CommandRejected, type StorageUnavailable } from "@millrace/contracts/Errors"
import { CommandId, type ItemId, type RequestId, type ThreadId, threadStream, type TurnId } from "@millrace/contracts/Ids"
import type { Imported, ImportFailed, ImportResult, ImportSource } from "@millrace/contracts/Import"
import { given, type Labelled } from "@millrace/contracts/Labels"
import { settingsOf, type SomeSettings } from "@millrace/contracts/Settings"
import { defined } from "@millrace/contracts/Defined"
import { EventLog } from "@millrace/log/EventLog"
import { Secrets } from "@millrace/log/Secrets"
import * as Query from "@millrace/log/Query"
import * as Permits from "@millrace/contracts/Permits"
import { Context, Effect, Stream } from "effect"
import { Engine } from "../engine/Engine.ts"
import * as GivenSecrets from "../engine/GivenSecrets.ts"
import * as ExportParser from "./ExportParser.ts"
import { keptWhole } from "../state/KeptWhole.ts"
import { fit, type Keep } from "../state/LargeValues.ts"
import { jsonBytes, maxValueBytes } from "../state/Truncation.ts"
import * as Collections from "../readmodel/Collections.ts"
import type { Put } from "../readmodel/RowChanges.ts"
import { importedRow } from "../readmodel/Projection.ts"
import * as Seeds from "../engine/Seeds.ts"
import type { ThreadRow } from "../readmodel/ThreadRow.ts"
import { storageUnavailable } from "@millrace/log/StorageError"

/** Maximum number of pieces in one part, and maximum bytes: the engine does other work between two parts. */
const part = { pieces: 64, bytes: 96 * 1024 }

/** The thread that a transcript is imported into. */
export interface Target extends Labelled, SomeSettings {
  readonly source: ImportSource
  readonly title: string
  readonly provider: string
  /** A directory of this machine. */
  readonly cwd: string
}

export interface Options<E> {
  /** The bytes of an export, as JSON or lines of JSON. Run twice, because all of it is checked before anything is written; it must restart each time. */
  readonly source: Stream.Stream<Uint8Array, E>
  /** A directory of this machine, in place of the export's. */
  readonly cwd?: string | undefined
  readonly actor?: string | undefined
}

export class Import extends Context.Tag("@millrace/orchestration/Import")<
  Import,
  {
    /** Imports an export. An invalid one is rejected with its line before anything is written. */
    readonly file: <E>(options: Options<E>) => Effect.Effect<ImportResult, ImportFailed | CommandError | E>
    /** Imports pieces, which have the ids of their source. Turns that ran in the thread itself are skipped; for this, each turn must come before its items. */
    readonly transcript: <E>(
      target: Target,
      pieces: Stream.Stream<Imported, E>,
      actor?: string
    ) => Effect.Effect<ImportResult, CommandError | E>
  }
>() {}

const digest = (...parts: ReadonlyArray<string>): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 26)

/** Returns a function that replaces the source's ids in a piece. The ids of prompts keep their suffix, so that a repeated import finds the items that an older version wrote. */
const idMapper = (threadId: ThreadId) => {
  const idOf = (prefix: string, id: string) => `${prefix}_${digest(threadId, id)}${id.endsWith("_user") ? "_user" : ""}`
  const turn = (id: string) => idOf("trn", id) as TurnId
  const item = (id: string) => idOf("itm", id) as ItemId
  return (piece: Imported): Imported => {
    const ids = { threadId, turnId: turn(piece.data.turnId) }
    switch (piece.type) {
      case "turn.imported":
        return { type: piece.type, data: { ...piece.data, ...ids } }
      case "item.imported":
        return {
          type: piece.type,
          data: {
            ...piece.data,
            ...ids,
            itemId: item(piece.data.itemId),
            ...(piece.data.parentItemId === undefined ? {} : { parentItemId: item(piece.data.parentItemId) })
          }
        }
      case "request.imported": {
        const { ask, requestId } = piece.data
        const asked = ask.itemId === undefined ? ask : { ...ask, itemId: item(ask.itemId) }
        return { type: piece.type, data: { ...piece.data, ...ids, requestId: idOf("req", requestId) as RequestId, ask: asked } }
      }
    }
  }
}

/** The piece with its large values kept as blobs (L4). */
const fitPiece = (piece: Imported, keep: Keep): Imported => {
  switch (piece.type) {
    case "turn.imported": {
      // A prompt stays in its event, as it does in `turn.requested`, if it fits.
      const { text, ...rest } = piece.data
      const data = { ...fit(rest, keep), text }
      return { type: piece.type, data: jsonBytes(data) <= maxValueBytes ? data : fit(data, keep) }
    }
    case "item.imported":
      return { type: piece.type, data: fit(piece.data, keep) }
    case "request.imported":
      return { type: piece.type, data: { ...piece.data, ask: fit(piece.data.ask, keep) } }
  }
}

/** Needs `EventLog`, `Engine` and `Secrets`. */
export const make = Effect.gen(function* () {
  const log = yield* EventLog
  const engine = yield* Engine
  const secrets = yield* Secrets
  /** Two imports of the same source would not see each other's writes. */
  const oneAtATime = Permits.make(1)

  const query = <R extends Query.Request>(request: R) => Effect.mapError(log.query(request), storageUnavailable)

  /**
   * The thread whose agent has this native conversation, now or before a hand-over. There is at most one. A fork whose agent has not opened yet has the
   * resume key of its source and does not count.
   */
  const ownerOf = ({ from: provider, resumeKey }: ImportSource) =>
    Effect.gen(function* () {
      if (resumeKey === undefined) return undefined
      const has = (row: ThreadRow) =>
        row.provider === provider && row.resumeKey === resumeKey && row.forkedFrom?.resumeKey !== resumeKey
      const had = ({ parked }: ThreadRow) => parked?.provider === provider && parked.resumeKey === resumeKey
      // A thread that changes during the scan moves to the front: scan the moved rows again.
      for (let seen = -1, newest = -1; ; seen = newest) {
        for (let before = Number.MAX_SAFE_INTEGER; before > seen + 1;) {
          const { page } = yield* query({
            page: Query.rows(Collections.threadState, { before, limit: 500, maxBytes: 16 * 1024 * 1024 })
          })
          const found = page.rows.find(({ value }) => !value.deleted && (has(value) || had(value)))
          if (found !== undefined) return found.value.threadId
          newest = Math.max(newest, page.rows[0]?.rank ?? -1)
          before = page.next ?? -1
          yield* Effect.yieldNow()
        }
        if (newest === seen) return undefined
      }
    })

  const threadOf = (source: ImportSource) =>
    Effect.flatMap(ownerOf(source), (owner) =>
      owner === undefined ? derivedThread(source) : Effect.succeed({ threadId: owner, created: false })
    )

  /** The thread whose id derives from the source. If that thread was deleted, the thread with the next id. */
  const derivedThread = ({ from, threadId }: ImportSource) =>
    Effect.gen(function* () {
      for (let n = 1; ; n++) {
        const id = `thr_${digest(from, threadId, String(n))}` as ThreadId
        const { row } = yield* query({ row: Query.row(Collections.threadState, id) })
        if (row?.value.deleted !== true) return { threadId: id, created: row === undefined }
      }
    })

  /** Native ids of the turns that ran in this thread: they are in the thread already, under other ids. */
  const ownTurns = (threadId: ThreadId, own = new Set<string>()): Effect.Effect<ReadonlySet<string>, StorageUnavailable> =>
    Effect.gen(function* () {
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
      Effect.catchTags({
        LogUnavailable: (error) => Effect.fail(storageUnavailable(error)),
        // Retention removed the next events: continue with what is kept.
        CursorExpired: () => ownTurns(threadId, own),
        CursorAhead: Effect.die
      })
    )

  const transcript = <E>(
    target: Target,
    pieces: Stream.Stream<Imported, E>,
    actor = "local"
  ): Effect.Effect<ImportResult, CommandError | E> =>
    Effect.gen(function* () {
      const { cwd, provider, source, title } = target
      const create = command(CommandId.make(`import-${yield* Seeds.next}`), "project.create", { cwd })
      const { projectId } = yield* engine.dispatch(create, actor)
      if (projectId === undefined) return yield* Effect.dieMessage("a project without an id")
      const { created, threadId } = yield* threadOf(source)
      const ranHere: ReadonlySet<string> = created ? new Set() : yield* ownTurns(threadId)
      const { project } = yield* query({ project: Query.row(Collections.projectState, projectId) })
      const begin = {
        projectId,
        provider,
        ...settingsOf(target),
        title: title === "" ? "Imported" : cut(title, 500),
        cwd: project?.value.cwd ?? cwd,
        ...given(target),
        imported: source
      }
      const withOurIds = idMapper(threadId)
      let begun = !created
      const counts = { turns: 0, items: 0, requests: 0, written: 0 }
      const skipped = new Set<string>()
      const isWanted = (piece: Imported): boolean => {
        if (piece.type === "turn.imported" && piece.data.nativeTurnId !== undefined && ranHere.has(piece.data.nativeTurnId))
          skipped.add(piece.data.turnId)
        return !skipped.has(piece.data.turnId)
      }
      const write = (read: ReadonlyArray<Imported>) =>
        Effect.gen(function* () {
          const { blobs, values: batch } = yield* keptWhole(read, fitPiece)
          const rows = batch.map(importedRow)
          const nameOf = ({ collection, key }: Query.RowKey) => `${collection}/${key}`
          const stored = yield* query(
            Object.fromEntries(rows.map((row) => [nameOf(row), Query.row(Query.collection(row.collection), row.key)]))
          )
          const isFresh = (row: Put) => JSON.stringify(stored[nameOf(row)]?.value) !== JSON.stringify(row.value)
          const fresh = batch.filter((_, n) => isFresh(rows[n]!))
          if (fresh.length === 0 && begun) return
          const weight = 1024 + fresh.reduce((sum, piece) => sum + JSON.stringify(piece.data).length, 0)
          if (!(yield* engine.submit({ _tag: "Imported", threadId, begin, pieces: fresh, blobs }, weight)))
            return yield* new CommandRejected({
              rule: "ThreadDeleted",
              id: threadId,
              message:
                "The thread or its project was deleted during the import, or a piece is too large for the log. Import it again."
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
        if (!isWanted(piece)) return Effect.void
        counts[piece.type === "turn.imported" ? "turns" : piece.type === "item.imported" ? "items" : "requests"]++
        const record = wellFormedJson(withOurIds(piece))
        batch.push(record)
        bytes += JSON.stringify(record.data).length
        return batch.length >= part.pieces || bytes >= part.bytes ? flush : Effect.void
      })
      // Needed also without pieces, so that an empty thread is created.
      yield* flush
      return { threadId, created, ...counts }
    }).pipe(oneAtATime, Effect.withSpan("Import.transcript"))

  return Import.of({
    transcript,
    file: Effect.fn("Import.file")(function* <E>({ actor, cwd, source }: Options<E>) {
      const { logEpoch, thread } = yield* ExportParser.check(source)
      const { directories, mcpServers, permissionMode, ...kept } = thread
      const target: Target = {
        ...kept,
        // A document from elsewhere starts no program, gets no secret of this machine, and gives its agent no rights (X7).
        ...(logEpoch === log.epoch && {
          // A document that Millrace wrote has names only.
          ...(mcpServers !== undefined && { mcpServers: yield* GivenSecrets.keepServers(secrets, mcpServers) }),
          ...defined({ directories, permissionMode })
        }),
        cwd: cwd ?? thread.cwd,
        source: { from: logEpoch, threadId: thread.threadId }
      }
      const putBlob = (content: Uint8Array, mediaType: string) =>
        Effect.mapError(log.putBlob(Stream.make(content), mediaType), storageUnavailable)
      return yield* transcript(target, ExportParser.pieces(source, putBlob), actor)
    })
  })
})
