/**
 * Takes the checkpoints of turns. The checkpoint of a turn's start begins when the turn is dispatched, while its agent may still have to be opened. The turn
 * waits for it within a bound (W2). A checkpoint that fails is an event. Follows the log for the ends of turns, and removes the refs of deleted threads.
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
import { BeforeTurn, type Turn } from "@millrace/orchestration/sessions/BeforeTurn"
import { Checkpoints, type Reach, type Request } from "@millrace/workspace/Checkpoints"
import { shown } from "@millrace/workspace/RawPath"
import { isSmall } from "@millrace/workspace/Size"
import { Clock, Context, type Duration, Effect, Fiber, FiberSet, Layer, Schedule, Stream } from "effect"
import * as CheckpointExpiry from "./CheckpointExpiry.ts"

export interface Options {
  /**
   * The longest time that the start of a turn waits for its checkpoint where the repository is small and the last checkpoint took at most a second.
   * Elsewhere it does not wait. Default 2 s.
   */
  readonly wait?: Duration.DurationInput
  /** The time between two removals of checkpoints that retention no longer keeps. Default 1 hour. */
  readonly expireEvery?: Duration.DurationInput
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
const read: ReadonlySet<string> = new Set([
  ...isEnd,
  "item.started",
  "item.completed",
  "turn.dispatched",
  "turn.started",
  "thread.deleted"
])

/** Directories that are remembered: more than have a turn at the same time. */
const maxDirectories = 10_000
/** Skipped files that an event names. */
const maxShown = 20
/** Milliseconds of a checkpoint after which the next turn in its directory waits for longer. */
const quickMillis = 1000

interface Parsed {
  readonly threadId: ThreadId
  readonly turnId: TurnId
  readonly kind?: string
  readonly origin?: string
}

export const make = (options: Options = {}, reach: Reach = "repositories") =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const engine = yield* Engine
    const checkpoints = yield* Checkpoints
    const running = yield* FiberSet.make<unknown>()
    /** Key: a directory. Value: how often an agent began something that may change files. */
    const works = new BoundedMap<string, number>(maxDirectories)
    const worksOf = (cwd: string) => works.get(cwd) ?? 0
    /** Key: a directory. Value: milliseconds of the last checkpoint; infinite if it failed. */
    const durations = new BoundedMap<string, number>(maxDirectories)
    /** Key: a turn. Value: the epoch of the session that gets it, and an effect that returns when its first checkpoint is taken or has failed. */
    const starts = new BoundedMap<TurnId, { readonly epoch: number; readonly ended: Effect.Effect<void> }>(maxDirectories)
    /** Key: a thread. Value: returns when the last checkpoint of a turn's end is taken or has failed. */
    const ends = new BoundedMap<ThreadId, Effect.Effect<void>>(maxDirectories)
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
        let millis = 0
        const ended = Effect.gen(function* () {
          millis = Math.round((yield* Clock.currentTimeMillis) - began)
          durations.renew(cwd, millis)
          // The agent may have begun something whose event was not read yet.
          yield* acted.awaitBeyond((yield* log.head) - 1)
          return isLate || worksOf(cwd) !== before
        })
        const { commit, late, skipped } = yield* checkpoints.take({ ...request, isLate: ended })
        const names = skipped.slice(0, maxShown).map(({ path, reason }) => ({ path: shown(path), reason }))
        const data: DataOf<"checkpoint.taken"> = {
          threadId,
          turnId,
          point,
          checkpoint: commit,
          millis,
          ...(late ? { late: true as const } : {}),
          ...(names.length === 0 ? {} : { skipped: names }),
          ...defined({ more: skipped.length > maxShown ? skipped.length - maxShown : undefined })
        }
        const isKept = yield* engine.submit({ ...data, _tag: "CheckpointTaken" })
        // The thread was deleted meanwhile.
        if (!isKept) yield* forget(threadId)
      }).pipe(
        Effect.tapError(({ _tag }) =>
          _tag === "NotARepository" ? Effect.void : Effect.sync(() => durations.renew(request.cwd, Number.POSITIVE_INFINITY))
        ),
        Effect.catchTag("NotARepository", ({ message }) => {
          if (bare.has(request.cwd)) return Effect.void
          bare.add(request.cwd)
          return Effect.logDebug(`Threads in ${request.cwd} have no checkpoints. ${message}`)
        }),
        Effect.catchAll(({ message }) => failed(request, message)),
        Effect.catchAllDefect((defect) => failed(request, `The files could not be read: ${String(defect)}`))
      )

    const take = (request: Request, isLate = false) => {
      const before = worksOf(request.cwd)
      return FiberSet.run(running, takeOne(request, before, isLate))
    }

    /** Begins the checkpoint of the turn's start, once for each session that gets the turn; returns the wait for it. */
    const begin = ({ epoch, ...turn }: Turn): Effect.Effect<Effect.Effect<void>> =>
      Effect.suspend(() => {
        const known = starts.get(turn.turnId)
        if (known !== undefined && known.epoch >= epoch) return Effect.succeed(known.ended)
        directories.set(turn.threadId, turn.cwd)
        const latch = Effect.unsafeMakeLatch(false)
        starts.renew(turn.turnId, { epoch, ended: latch.await })
        const taking = takeOne({ ...turn, point: "start" }, worksOf(turn.cwd), false)
        return Effect.as(FiberSet.run(running, Effect.ensuring(taking, latch.open)), latch.await)
      })

    const cwdOf = (threadId: ThreadId) =>
      Effect.suspend(() => {
        const known = directories.get(threadId)
        if (known !== undefined) return Effect.succeed(known)
        return Effect.map(log.query({ row: Query.row(Collections.threadState, threadId) }), ({ row }) => row?.value.cwd)
      })

    const act = ({ json, type }: StoredEvent) => {
      if (!read.has(type)) return Effect.void
      const { data, epoch } = JSON.parse(json) as { readonly data: Parsed; readonly epoch: number }
      const { kind = "", origin, threadId, turnId } = data
      if (type === "thread.deleted") return Effect.asVoid(FiberSet.run(running, forget(threadId)))
      if (type.startsWith("item.") && harmless.has(kind)) return Effect.void
      return Effect.gen(function* () {
        const cwd = yield* cwdOf(threadId)
        if (cwd === undefined) return
        if (type.startsWith("item.")) works.renew(cwd, worksOf(cwd) + 1)
        else if (type === "turn.dispatched") yield* Effect.asVoid(begin({ threadId, turnId, epoch, cwd }))
        else if (isEnd.has(type)) {
          directories.delete(threadId)
          starts.delete(turnId)
          const fiber = yield* take({ threadId, turnId, point: "end", cwd })
          ends.renew(threadId, Effect.asVoid(Fiber.await(fiber)))
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
    yield* FiberSet.run(running, Effect.zipRight(sweep, checkpoints.prune))
    const expire = yield* CheckpointExpiry.make
    yield* Effect.forkScoped(Effect.forever(Effect.zipRight(expire, Effect.sleep(options.expireEvery ?? "1 hour"))))

    yield* Effect.addFinalizer(() =>
      Effect.asVoid(
        FiberSet.awaitEmpty(running).pipe(Effect.interruptible, Effect.timeoutOption(options.closeWithin ?? "2 seconds"))
      )
    )

    const wait = options.wait ?? "2 seconds"
    /** Takes about a millisecond. */
    const isQuick = (cwd: string) =>
      Effect.suspend(() => {
        if ((durations.get(cwd) ?? 0) > quickMillis) return Effect.succeed(false)
        // The size of a directory without a repository is not known before its first checkpoint.
        return reach === "everywhere" ? Effect.succeed(true) : isSmall(cwd)
      })
    const settled = (threadId: ThreadId) =>
      Effect.gen(function* () {
        yield* acted.awaitBeyond((yield* log.head) - 1)
        yield* ends.get(threadId) ?? Effect.void
      })
    const beforeTurn = (turn: Turn) =>
      Effect.gen(function* () {
        const ended = yield* begin(turn)
        // A file system that does not answer is not quick.
        yield* Effect.timeoutOption(
          Effect.flatMap(isQuick(turn.cwd), (quick) => (quick ? ended : Effect.void)),
          wait
        )
      })
    return { beforeTurn, settled }
  })

/** Returns when the checkpoints of the thread's turns that have ended are taken or have failed. */
export class Settled extends Context.Tag("@millrace/host/Settled")<Settled, (threadId: ThreadId) => Effect.Effect<void>>() {}

/** Needs `EventLog`, `Engine` and `Checkpoints`. */
export const layer = (options: Options = {}, reach: Reach = "repositories") =>
  Layer.scopedContext(
    Effect.map(make(options, reach), ({ beforeTurn, settled }) =>
      Context.make(BeforeTurn, beforeTurn).pipe(Context.add(Settled, settled))
    )
  )
