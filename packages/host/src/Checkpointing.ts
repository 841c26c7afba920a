/**
 * Takes the checkpoints of turns while the turns run: the start of a turn waits for its checkpoint for a short time only, and a checkpoint that fails is an
 * event (W2). Follows the log for the ends of turns, and removes the refs of deleted threads.
 */
import { BoundedMap, BoundedSet } from "@millrace/contracts/BoundedMap"
import type { DataOf } from "@millrace/contracts/Event"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { defined } from "@millrace/contracts/Defined"
import { EventLog, type StoredEvent } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import { Watermark } from "@millrace/log/Watermark"
import { Engine } from "@millrace/orchestration/engine/Engine"
import * as Collections from "@millrace/orchestration/readmodel/Collections"
import { BeforeTurn } from "@millrace/orchestration/sessions/BeforeTurn"
import { Checkpoints, type Request } from "@millrace/workspace/Checkpoints"
import { shown } from "@millrace/workspace/RawPath"
import { Clock, type Duration, Effect, FiberSet, Layer, Schedule, Stream } from "effect"

export interface Options {
  /** The longest time that the start of a turn waits for its checkpoint. Default 40 ms. */
  readonly wait?: Duration.DurationInput
  /** The longest time that the end of the server waits for checkpoints that are being taken. Default 2 s. */
  readonly closeWithin?: Duration.DurationInput
}

/** Kinds of items with which an agent changes no file. */
const harmless: ReadonlySet<string> = new Set([
  "user-message",
  "agent-message",
  "reasoning",
  "plan",
  "notice",
  "web-search",
  "compaction"
])
const isEnd: ReadonlySet<string> = new Set(["turn.completed", "turn.interrupted", "turn.failed"])
const read: ReadonlySet<string> = new Set([...isEnd, "item.started", "item.completed", "turn.started", "thread.deleted"])

/** Directories that are remembered: more than have a turn at the same time. */
const maxDirectories = 10_000
/** Skipped files that an event names. */
const maxShown = 20

interface Parsed {
  readonly threadId: ThreadId
  readonly turnId: TurnId
  readonly kind?: string
  readonly origin?: string
}

export const make = (options: Options = {}) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const engine = yield* Engine
    const checkpoints = yield* Checkpoints
    const running = yield* FiberSet.make<unknown>()
    /** By directory: how often an agent began something that may change files. */
    const works = new BoundedMap<string, number>(maxDirectories)
    const worksOf = (cwd: string) => works.get(cwd) ?? 0
    /** The directories of the threads whose turn runs. */
    const directories = new Map<ThreadId, string>()
    /** Directories without a repository, which are logged once. */
    const bare = new BoundedSet<string>(maxDirectories)
    const acted = new Watermark(engine.startedAt)

    const forget = (threadId: ThreadId) =>
      Effect.catchAll(checkpoints.forget(threadId), ({ message }) =>
        Effect.logWarning(`The checkpoints of ${threadId} could not be removed. The next start tries again: ${message}`)
      )

    const failed = ({ point, threadId, turnId }: Request, reason: string) =>
      engine.submit({ _tag: "CheckpointFailed", threadId, turnId, point, reason })

    const takeOne = (request: Request, before: number, isLate: boolean) =>
      Effect.gen(function* () {
        const { cwd, point, threadId, turnId } = request
        const began = yield* Clock.currentTimeMillis
        const { commit, skipped } = yield* checkpoints.take(request)
        const millis = Math.round((yield* Clock.currentTimeMillis) - began)
        // The agent may have begun something whose event was not read yet.
        yield* acted.awaitBeyond((yield* log.head) - 1)
        const names = skipped.slice(0, maxShown).map(({ path, reason }) => ({ path: shown(path), reason }))
        const data: DataOf<"checkpoint.taken"> = {
          threadId,
          turnId,
          point,
          checkpoint: commit,
          millis,
          ...(isLate || worksOf(cwd) !== before ? { late: true as const } : {}),
          ...(names.length === 0 ? {} : { skipped: names }),
          ...defined({ more: skipped.length > maxShown ? skipped.length - maxShown : undefined })
        }
        const isKept = yield* engine.submit({ ...data, _tag: "CheckpointTaken" })
        // The thread was deleted meanwhile.
        if (!isKept) yield* forget(threadId)
      }).pipe(
        Effect.catchTag("NotARepository", ({ message }) => {
          if (bare.has(request.cwd)) return Effect.void
          bare.add(request.cwd)
          return Effect.logInfo(`Threads in ${request.cwd} have no checkpoints. ${message}`)
        }),
        Effect.catchAll(({ message }) => failed(request, message)),
        Effect.catchAllDefect((defect) => failed(request, `The files could not be read: ${String(defect)}`))
      )

    const take = (request: Request, isLate = false) => {
      const before = worksOf(request.cwd)
      return FiberSet.run(running, takeOne(request, before, isLate))
    }

    const cwdOf = (threadId: ThreadId) =>
      Effect.suspend(() => {
        const known = directories.get(threadId)
        if (known !== undefined) return Effect.succeed(known)
        return Effect.map(log.query({ row: Query.row(Collections.threadState, threadId) }), ({ row }) => row?.value.cwd)
      })

    const act = ({ json, type }: StoredEvent) => {
      if (!read.has(type)) return Effect.void
      const { kind = "", origin, threadId, turnId } = (JSON.parse(json) as { readonly data: Parsed }).data
      if (type === "thread.deleted") return Effect.asVoid(FiberSet.run(running, forget(threadId)))
      if (type.startsWith("item.") && harmless.has(kind)) return Effect.void
      return Effect.gen(function* () {
        const cwd = yield* cwdOf(threadId)
        if (cwd === undefined) return
        if (type.startsWith("item.")) works.renew(cwd, worksOf(cwd) + 1)
        else if (isEnd.has(type)) {
          directories.delete(threadId)
          yield* take({ threadId, turnId, point: "end", cwd })
        } else if (origin === "provider") {
          directories.set(threadId, cwd)
          // The agent began the turn itself, so it may have worked already.
          yield* take({ threadId, turnId, point: "start", cwd }, true)
        }
      })
    }

    const retrySchedule = Schedule.exponential("100 millis").pipe(Schedule.union(Schedule.spaced("5 seconds")))
    yield* Stream.suspend(() => log.follow({ after: acted.value })).pipe(
      Stream.runForEach(({ events, upTo }) =>
        Effect.map(Effect.forEach(events, act, { discard: true }), () => acted.advance(upTo))
      ),
      Effect.tapError(({ message }) => Effect.logWarning(`Checkpoints cannot read the log: ${message}`)),
      Effect.retry(retrySchedule),
      Effect.forkScoped
    )

    /** Removes what threads left that were deleted while no server ran, or right before one ended. */
    const sweep = Effect.flatMap(checkpoints.threads, (threads) =>
      Effect.forEach(
        threads,
        (threadId) =>
          Effect.flatMap(log.query({ row: Query.row(Collections.threadState, threadId) }), ({ row }) =>
            row === undefined || row.value.deleted ? forget(threadId) : Effect.void
          ),
        { discard: true }
      )
    ).pipe(
      Effect.catchAll(({ message }) => Effect.logWarning(`Old checkpoints are kept, because the log cannot be read: ${message}`))
    )
    yield* FiberSet.run(running, sweep)

    yield* Effect.addFinalizer(() =>
      Effect.asVoid(
        FiberSet.awaitEmpty(running).pipe(Effect.interruptible, Effect.timeoutOption(options.closeWithin ?? "2 seconds"))
      )
    )

    return (turn: Omit<Request, "point">) =>
      Effect.gen(function* () {
        directories.set(turn.threadId, turn.cwd)
        const fiber = yield* take({ ...turn, point: "start" })
        yield* Effect.timeoutOption(Effect.fromFiber(fiber).pipe(Effect.ignore), options.wait ?? "40 millis")
      })
  })

/** Needs `EventLog`, `Engine` and `Checkpoints`. */
export const layer = (options: Options = {}) => Layer.scoped(BeforeTurn, make(options))
