/**
 * The Dispatcher follows the log and carries out its events on agents. It owns the live sessions, so they do not end with the fiber of a caller.
 * It follows from the head at the engine's start, because Recovery has settled all older events (docs/decisions/0022).
 */
import { defined } from "@millrace/contracts/Defined"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { type HistoryBounds, ProviderError, Providers } from "@millrace/contracts/ProviderAdapter"
import { settingsOf } from "@millrace/contracts/Settings"
import { EventLog, type LogUnavailable } from "@millrace/log/EventLog"
import { Secrets } from "@millrace/log/Secrets"
import * as Query from "@millrace/log/Query"
import { Watermark } from "@millrace/log/Watermark"
import { Clock, Context, Deferred, Duration, Effect, Exit, Layer, Schedule, Scope, Stream } from "effect"
import { Engine } from "../engine/Engine.ts"
import * as Collections from "../readmodel/Collections.ts"
import { usersOf, Worktrees } from "../engine/Worktrees.ts"
import * as ForkPoint from "../readmodel/ForkPoint.ts"
import * as History from "../readmodel/History.ts"
import { AttachmentFiles } from "./AttachmentFiles.ts"
import { BeforeTurn } from "./BeforeTurn.ts"
import { BuiltinMcp } from "../engine/BuiltinMcp.ts"
import { NewWorktrees } from "./NewWorktrees.ts"
import * as PastAttachments from "./PastAttachments.ts"
import type * as Ingestion from "./Ingestion.ts"
import * as Intent from "./Intent.ts"
import * as SessionDriver from "./SessionDriver.ts"
import { Signals } from "../streams/Signals.ts"

export interface Options {
  readonly budgets?: Partial<SessionDriver.Budgets>
  readonly ingestion?: Ingestion.Options
  /** Deadline for stopping the sessions when the scope closes without `stopAll`. Default 10 s. */
  readonly closeWithin?: Duration.DurationInput
}

export interface StopReport {
  /** Sessions that were live when the stop began. */
  readonly sessions: number
  /** Sessions that were abandoned near the deadline: their scope was closed, which kills the agent. */
  readonly forced: number
}

export class Dispatcher extends Context.Tag("@millrace/orchestration/Dispatcher")<
  Dispatcher,
  {
    /**
     * Ends all sessions before the deadline, commits their last events, and keeps the queues. `drain`: waits for running turns for half of the time
     * before interrupting them; `now`: interrupts them at once.
     */
    readonly stopAll: (options: {
      readonly mode: "drain" | "now"
      readonly within: Duration.DurationInput
      readonly reason?: string
    }) => Effect.Effect<StopReport>
    /** Returns when the Dispatcher has acted on all events up to the offset. */
    readonly awaitActed: (offset: number) => Effect.Effect<void>
    /** The live sessions. */
    readonly sessions: Effect.Effect<
      ReadonlyArray<{ readonly threadId: ThreadId; readonly epoch: number; readonly provider: string }>
    >
  }
>() {}

const defaults: SessionDriver.Budgets = {
  open: "60 seconds",
  setup: "10 minutes",
  call: "60 seconds",
  interrupt: "5 seconds",
  stop: "10 seconds"
}

const nameOf = (threadId: ThreadId, epoch: number): string => `${threadId} ${epoch}`

export const make = (options: Options = {}) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const engine = yield* Engine
    const signals = yield* Signals
    const { adapters } = yield* Providers
    const attachmentFiles = yield* AttachmentFiles
    const secrets = yield* Secrets
    const worktrees = yield* Effect.serviceOption(Worktrees)
    const newWorktrees = yield* Effect.serviceOption(NewWorktrees)
    const builtin = yield* Effect.serviceOption(BuiltinMcp)
    const beforeTurn = yield* BeforeTurn
    const budgets = { ...defaults, ...options.budgets }
    const scope = yield* Scope.make()
    const drivers = new Map<string, SessionDriver.SessionDriver>()
    /** By thread with an agent process that may still run: an effect that returns when all agents of the thread have ended. */
    const agentsEnded = new Map<ThreadId, Effect.Effect<void>>()

    const retrySchedule = Schedule.exponential("100 millis").pipe(Schedule.union(Schedule.spaced("5 seconds")))
    /**
     * Retries until the log is readable again (L9); until then the session and its turn wait. A damaged row is not retried: the failure is the reason, for
     * the person who sent the turn.
     */
    const untilReadable = <A>(read: Effect.Effect<A, LogUnavailable>): Effect.Effect<A, string> =>
      read.pipe(
        Effect.retry({ schedule: retrySchedule, while: ({ reason }) => reason !== "corrupt" }),
        Effect.mapError(({ message }) => message),
        // A damaged row that is not compressed is not JSON.
        Effect.catchAllDefect((defect) =>
          Effect.fail(`Run \`millrace verify\`, and restore a backup if it reports problems. (${String(defect)})`)
        )
      )
    const readFor = <A>(provider: string, operation: string, read: Effect.Effect<A, LogUnavailable>) =>
      Effect.mapError(untilReadable(read), (reason) => {
        const message = `The server cannot read this thread from its log. ${reason}`
        return new ProviderError({ provider, operation, outcome: "failed", failure: { kind: "unknown", message } })
      })

    const stateOf = (threadId: ThreadId) => log.query({ row: Query.row(Collections.threadState, threadId) })
    const openInput = (threadId: ThreadId, epoch: number, provider: string) =>
      Effect.gen(function* () {
        const { row } = yield* readFor(provider, "open", stateOf(threadId))
        const project =
          row === undefined
            ? undefined
            : (yield* readFor(provider, "open", log.query({ project: Query.row(Collections.projectState, row.value.projectId) })))
                .project
        const source = row?.value.forkedFrom
        const copies =
          row !== undefined && source !== undefined && (row.value.resumeKey ?? source.resumeKey) === source.resumeKey
            ? readFor(provider, "open", ForkPoint.copyOf(log, source, row.value.createdAt))
            : undefined
        const cwd = row?.value.cwd ?? "/"
        return {
          cwd,
          projectEnv: project?.value.env ?? {},
          projectRoot: project?.value.cwd ?? cwd,
          ...defined({ setup: project?.value.setup, turnId: row?.value.turns?.find((turn) => turn.epoch === epoch)?.turnId }),
          given: row === undefined ? {} : (row.value.given ?? settingsOf(row.value)),
          ...defined({ resumeKey: row?.value.resumeKey, copies, handedFrom: row?.value.handedFrom }),
          attachments: attachmentFiles.directoryOf(threadId),
          history: (bounds: HistoryBounds) =>
            // Adapters expect no failure of this effect. `SessionOpening` reads the defect.
            Effect.flatMap(Effect.orDie(readFor(provider, "open", History.read(log, threadId, bounds))), (history) =>
              PastAttachments.place(attachmentFiles, threadId, history)
            )
        }
      })

    const prompt = (threadId: ThreadId, provider: string, turnId: TurnId) =>
      Effect.map(
        readFor(
          provider,
          "startTurn",
          log.query({ row: Query.row(Collections.turn, turnId), thread: Query.row(Collections.threadState, threadId) })
        ),
        ({ row, thread }) => ({
          text: row?.value.text ?? "",
          attachments: row?.value.attachments,
          action: row?.value.action,
          settings: thread === undefined ? {} : (thread.value.given ?? settingsOf(thread.value))
        })
      )

    const begin = (threadId: ThreadId, epoch: number, provider: string) =>
      Effect.gen(function* () {
        const previousEnded = agentsEnded.get(threadId) ?? Effect.void
        const driver = yield* SessionDriver.make(
          {
            previousEnded,
            engine,
            signals,
            adapter: adapters.get(provider),
            provider,
            threadId,
            epoch,
            budgets,
            ingestion: options.ingestion ?? {},
            openInput: openInput(threadId, epoch, provider),
            worktrees: newWorktrees,
            builtin,
            prompt: (turnId) => prompt(threadId, provider, turnId),
            attachmentFiles,
            beforeTurn,
            secrets
          },
          scope
        )
        drivers.set(nameOf(threadId, epoch), driver)
        const allEnded = Effect.zipRight(previousEnded, Deferred.await(driver.agentEnded))
        agentsEnded.set(threadId, allEnded)
        const forget = Effect.sync(() => agentsEnded.get(threadId) === allEnded && agentsEnded.delete(threadId))
        yield* Effect.forkIn(Effect.zipRight(allEnded, forget), scope)
        const remove = Effect.sync(() => drivers.delete(nameOf(threadId, epoch)))
        yield* Effect.forkIn(Effect.zipRight(Deferred.await(driver.closed), remove), scope)
      })

    /** Replaces an answer by the same answer with its secrets, which are only in memory. */
    const withSecrets = (intent: Intent.Intent): Intent.Intent =>
      intent._tag === "Answer" ? { ...intent, answer: engine.takeAnswer(intent.given) ?? intent.answer } : intent

    /** Whether a fork works in the worktree of the thread, which is deleted. */
    const isShared = (threadId: ThreadId) => Effect.map(untilReadable(usersOf(log, threadId)), (users) => users.length > 0)
    /** A worktree in which a fork works stays until a start after the fork is deleted. */
    const releaseWorktree = (threadId: ThreadId) =>
      worktrees._tag === "None"
        ? Effect.void
        : Effect.matchEffect(isShared(threadId), {
            onFailure: (reason) =>
              Effect.logError(`The worktree of ${threadId} is kept, because threads cannot be read. ${reason}`),
            onSuccess: (shared) => (shared ? Effect.void : worktrees.value.release(threadId))
          }).pipe(Effect.whenEffect(Effect.map(worktrees.value.rootOf(threadId), (root) => root !== undefined)))

    /** After the end of the thread's agents, which may be writing there, and of its drivers, which write the copies. */
    const removeAttachments = (threadId: ThreadId) =>
      Effect.suspend(() => {
        const own = [...drivers.values()].filter((driver) => driver.threadId === threadId)
        return Effect.forEach(own, ({ callsEnded }) => Deferred.await(callsEnded), { discard: true })
      }).pipe(
        Effect.zipRight(Effect.suspend(() => agentsEnded.get(threadId) ?? Effect.void)),
        Effect.zipRight(attachmentFiles.remove(threadId)),
        Effect.zipRight(releaseWorktree(threadId))
      )

    /** Removes the directories of threads that were deleted while no server ran, or right before one ended, and what is no copy. */
    const sweepAttachments = Effect.flatMap(attachmentFiles.threads, (threads) =>
      Effect.forEach(
        threads,
        (threadId) =>
          Effect.matchEffect(untilReadable(stateOf(threadId)), {
            onFailure: (reason) =>
              Effect.logError(`The attachments of ${threadId} are kept, because its row cannot be read. ${reason}`),
            onSuccess: ({ row }) => (row === undefined || row.value.deleted ? attachmentFiles.remove(threadId) : Effect.void)
          }),
        { discard: true }
      )
    )
    yield* Effect.forkIn(Effect.zipRight(sweepAttachments, attachmentFiles.removeRemains), scope)

    /** Removes the worktrees of an earlier server whose thread was never created, or was deleted. */
    const sweepWorktrees = Effect.flatMap(worktrees._tag === "None" ? Effect.succeed([]) : worktrees.value.earlier, (threads) =>
      Effect.forEach(
        threads,
        (threadId) =>
          Effect.matchEffect(untilReadable(stateOf(threadId)), {
            onFailure: (reason) =>
              Effect.logError(`The worktree of ${threadId} is kept, because its row cannot be read. ${reason}`),
            onSuccess: ({ row }) => (row === undefined || row.value.deleted ? releaseWorktree(threadId) : Effect.void)
          }),
        { discard: true }
      )
    )
    yield* Effect.forkIn(sweepWorktrees, scope)

    const act = ({ threadId, epoch, intent: logged }: Intent.Addressed): Effect.Effect<unknown> => {
      const intent = withSecrets(logged)
      if (intent._tag === "Deleted")
        return Effect.zipRight(
          forAll((driver) => (driver.threadId === threadId ? driver.take(intent) : Effect.void)),
          Effect.forkIn(removeAttachments(threadId), scope)
        )
      const driver = drivers.get(nameOf(threadId, epoch))
      if (intent._tag === "Open") return driver === undefined ? begin(threadId, epoch, intent.provider) : Effect.void
      if (driver !== undefined) return driver.take(intent)
      // The session has ended. The event of its end, which is not in the log yet, settles the turn. Steered text would be lost, so it becomes a turn.
      return intent._tag === "Steer"
        ? Effect.forkIn(engine.submit({ ...intent, _tag: "SteerRefused", threadId, epoch }), scope)
        : Effect.void
    }

    const acted = new Watermark(engine.startedAt)
    const follow = Stream.suspend(() => log.follow({ after: acted.value })).pipe(
      Stream.runForEach((page) =>
        Effect.gen(function* () {
          for (const event of page.events) {
            const addressed = Intent.read(event)
            if (addressed !== undefined) yield* act(addressed)
          }
          acted.advance(page.upTo)
        })
      ),
      Effect.tapError((error) => Effect.logWarning(`The dispatcher cannot read the log: ${error.message}`)),
      Effect.retry(retrySchedule)
    )
    yield* Effect.forkIn(follow, scope)

    const now = Clock.currentTimeMillis
    const until = <A>(effect: Effect.Effect<A>, at: number) =>
      Effect.flatMap(now, (time) => effect.pipe(Effect.interruptible, Effect.timeoutOption(Math.max(0, at - time))))
    // In parallel: in sequence, a session that hangs would use up the time of the others.
    const forAll = <A>(use: (driver: SessionDriver.SessionDriver) => Effect.Effect<A>) =>
      Effect.suspend(() => Effect.forEach(drivers.values(), use, { concurrency: "unbounded", discard: true }))
    const turnsEnded = forAll((driver) => driver.turnsEnded)
    const closed = forAll((driver) => Deferred.await(driver.closed))

    const stopAll = Effect.fn("Dispatcher.stopAll")(function* ({
      mode,
      within,
      reason = "the server is shutting down"
    }: {
      readonly mode: "drain" | "now"
      readonly within: Duration.DurationInput
      readonly reason?: string
    }) {
      yield* engine.pauseQueues
      const sessions = drivers.size
      const start = yield* now
      const budget = Duration.toMillis(within)
      if (mode === "drain") yield* until(turnsEnded, start + budget * 0.5)
      yield* until(
        forAll(({ threadId }) => engine.submit({ _tag: "InterruptWanted", threadId, reason })),
        start + budget * 0.6
      )
      yield* until(turnsEnded, start + budget * 0.65)
      yield* until(
        forAll(({ threadId, epoch }) => engine.submit({ _tag: "StopWanted", threadId, epoch, reason })),
        start + budget * 0.75
      )
      // The rest of the time is for the kill and for committing the last events, on a disk that may stall.
      yield* until(closed, start + budget * 0.85)
      // A driver is removed from the map shortly after its end, so count by `closed`.
      const open = yield* Effect.filter([...drivers.values()], (driver) => Effect.negate(Deferred.isDone(driver.closed)))
      const forced = open.length
      yield* forAll((driver) => driver.abandon)
      if (forced > 0) yield* until(closed, start + budget)
      return { sessions, forced }
    })

    yield* Effect.addFinalizer(() =>
      Effect.zipRight(
        drivers.size === 0 ? Effect.void : stopAll({ mode: "now", within: options.closeWithin ?? "10 seconds" }),
        Scope.close(scope, Exit.void)
      )
    )

    return Dispatcher.of({
      stopAll,
      awaitActed: (offset) => acted.awaitBeyond(offset - 1),
      sessions: Effect.sync(() => [...drivers.values()].map(({ threadId, epoch, provider }) => ({ threadId, epoch, provider })))
    })
  })

/** Needs `EventLog`, `Engine`, `Signals`, `AttachmentFiles`, `Secrets` and `Providers`; built after Recovery. Closing its scope stops all sessions. */
export const layer = (options: Options = {}) => Layer.scoped(Dispatcher, make(options))
