/**
 * The engine: one fiber that owns the folded state, decides queued commands and facts one by one, commits them as one batch, then answers all callers.
 * Data flow: command or fact → lane → decide (Committer) → one append → answers.
 */
import type { ApprovalRules } from "@millrace/contracts/ApprovalRule"
import { wellFormedJson } from "@millrace/contracts/Text"
import type { GivenAttachment } from "@millrace/contracts/Attachment"
import type { Accepted, Command, CommandStatus } from "@millrace/contracts/Command"
import { type CommandError, NotFound, Overloaded, ShuttingDown, type StorageUnavailable } from "@millrace/contracts/Errors"
import type { RequestId, ThreadId } from "@millrace/contracts/Ids"
import type { Answer } from "@millrace/contracts/Item"
import type { ThreadView, Waiting } from "@millrace/contracts/State"
import { defined } from "@millrace/contracts/Defined"
import { type ProviderAdapter, Providers } from "@millrace/contracts/ProviderAdapter"
import { onlyModel, type Settable } from "@millrace/contracts/Settable"
import { EventLog } from "@millrace/log/EventLog"
import { Secrets } from "@millrace/log/Secrets"
import { Clock, Context, Deferred, Duration, Effect, Either, Layer } from "effect"
import { BuiltinMcp } from "./BuiltinMcp.ts"
import * as Committer from "./Committer.ts"
import * as Continuation from "../state/Continuation.ts"
import { Directories } from "./Directories.ts"
import * as GivenSecrets from "./GivenSecrets.ts"
import { type KnownBlobs, noBlobs } from "../decide/decideAttachments.ts"
import type { Before } from "../decide/decideCommand.ts"
import type { Fact } from "../decide/Fact.ts"
import * as Goal from "../state/Goal.ts"
import { Lane, type LaneLoad } from "./Lane.ts"
import { type Bounds, type Places, unbounded } from "./Places.ts"
import * as Receipts from "./Receipts.ts"
import * as Seeds from "./Seeds.ts"
import { type Pin, SecretReferences } from "./SecretReferences.ts"
import * as Worktrees from "./Worktrees.ts"
import { answer, type CommandJob, type FactJob, type Job } from "./Job.ts"
import { storageUnavailable } from "@millrace/log/StorageError"

/** A number of lane entries, and their total weight (about bytes). */
interface Size {
  readonly count: number
  readonly weight: number
}

/** Bounds of the engine; the defaults are measured (docs/decisions/0021). */
export interface Options {
  /** Capacity of the command lane. A command beyond it is answered `Overloaded` (C3). */
  readonly commands?: Size
  /** Capacity of the fact lane. Beyond it, the agent's stdout is not read (back-pressure). */
  readonly facts?: Size
  /** The most that one batch takes from each lane, so that neither starves the other. Also bounds how long a batch blocks the event loop. */
  readonly batch?: { readonly commands: Size; readonly facts: Size }
  /** Threads kept in memory; idle ones beyond it are evicted. Default 1,000. */
  readonly idleThreads?: number
  /** When and how often interrupted work is continued automatically. */
  readonly continuation?: Continuation.Options
  /** Approval rules of all threads, after each thread's own. */
  readonly approve?: ApprovalRules | undefined
  /** Minimum time between the starts of two turns of a goal. Default 10 seconds. */
  readonly goalPace?: Duration.DurationInput
  /** Limits on concurrent agents; beyond them, turns stay queued (R7). Default: no limit. */
  readonly places?: Partial<Bounds>
  /** Adds a span per batch (10 µs each), and the command's type and id to the span of its dispatch. Default: false. */
  readonly trace?: boolean
  /** First delay before facts are retried while the log cannot be written; doubles up to 5 s. Default 250 ms. */
  readonly retry?: Duration.DurationInput
}

/** A fact with its weight, which the producer estimates: the approximate bytes of its JSON. */
export interface Weighed {
  readonly fact: Fact
  readonly weight: number
}

export interface Stats {
  readonly batches: number
  readonly events: number
  readonly commands: number
  readonly facts: number
  readonly overloaded: number
  readonly waitingCommands: number
  readonly waitingFacts: number
  readonly lanes: { readonly commands: LaneLoad; readonly facts: LaneLoad }
  /** Live agents, turns that wait for a place or for a usage limit to end, providers at their usage limit, and the bounds. */
  readonly places: ReturnType<Places["stats"]>
  /** Commands that were not accepted: counts by rule for `CommandRejected`, else by error tag. */
  readonly refused: Readonly<Record<string, number>>
}

export class Engine extends Context.Tag("@millrace/orchestration/Engine")<
  Engine,
  {
    /**
     * Accepted = committed; follow the log from the answer's cursor (C1). The same id and body get the same answer (C2). A queued command runs even if
     * its caller is interrupted. `before`: what was done with files for it.
     */
    readonly dispatch: (command: Command, actor?: string, before?: Before) => Effect.Effect<Accepted, CommandError>
    /**
     * No further turn starts in the directory or below it until the returned effect has run; the turns wait in their queues. Returns the id of a thread
     * instead if a turn runs there.
     */
    readonly hold: (directory: string) => Effect.Effect<Either.Either<Effect.Effect<void>, ThreadId>>
    /** The outcome of a command: accepted or rejected. `NotFound`: no command with this id was decided. */
    readonly commandStatus: (commandId: string) => Effect.Effect<CommandStatus, NotFound | StorageUnavailable>
    /** Enqueues a fact and waits for its commit. `false`: the fact no longer applied. Waits while the log cannot be written; the fact is not lost. */
    readonly submit: (fact: Fact, weight?: number) => Effect.Effect<boolean>
    /** Enqueues a fact and returns once it is in the lane: back-pressure, no loss. */
    readonly ingest: (weighed: Weighed) => Effect.Effect<void>
    /** Removes and returns the answer to a question with its secrets, which the log does not store (X4). */
    readonly takeAnswer: (requestId: RequestId) => Answer | undefined
    /** The head when the engine started. This process decided all later events. */
    readonly startedAt: number
    /** Opens admission. Until then commands are answered `Overloaded`, because Recovery runs first (T5). */
    readonly openAdmission: Effect.Effect<void>
    /** Closes admission: later commands are answered `ShuttingDown`; those dispatched before are completed (S1, S2). */
    readonly closeAdmission: Effect.Effect<void>
    /** After `closeAdmission`: commands dispatched before it whose directory is still being resolved are answered `ShuttingDown` too. */
    readonly refuseEntering: Effect.Effect<void>
    /** From now on the end of a turn starts no other turn; queues stay for the next server. The engine starts in this state. */
    readonly pauseQueues: Effect.Effect<void>
    /** Ends the pause. `QueueReleased` then starts the next queued turn of a thread. */
    readonly releaseQueues: Effect.Effect<void>
    /** Of these threads, those that wait for a place or for a usage limit to end, and why. */
    readonly waiting: (threadIds: ReadonlyArray<ThreadId>) => Effect.Effect<ReadonlyMap<ThreadId, Waiting>>
    /** Other threads whose turn runs in the thread's directory, in one above it or below it; at most 10. */
    readonly alongside: (thread: Pick<ThreadView, "threadId" | "cwd">) => Effect.Effect<ReadonlyArray<ThreadId>>
    /** Returns when all dispatched commands and enqueued facts are committed and answered. */
    readonly drain: Effect.Effect<void>
    readonly stats: Effect.Effect<Stats>
  }
>() {}

const overloaded = (message: string) =>
  new Overloaded({ message: `${message} Retry with the same command id after 500 ms.`, retryAfterMillis: 500 })
const starting = overloaded("The server is starting.")
const full = overloaded("The command queue is full.")
const shuttingDown = new ShuttingDown({
  message: "The server is shutting down. Retry with the same command id when it has restarted.",
  retryAfterMillis: 2000
})

/** The prompt of a command that has one. */
const promptOf = (
  command: Command
): { readonly text?: string | undefined; readonly attachments?: ReadonlyArray<GivenAttachment> | undefined } | undefined =>
  "turn" in command ? command.turn : "text" in command ? command : undefined

/** Approximate bytes of a command. */
const weightOf = (command: Command): number => {
  const { attachments = [], text = "" } = promptOf(command) ?? {}
  const isSetting = ["thread.create", "thread.configure", "workspace.commit"].includes(command.type)
  return 256 + text.length + attachments.length * 512 + (isSetting ? JSON.stringify(command).length : 0)
}

const controlWeight = 1024

export const make = (options: Options = {}) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const directories = yield* Directories
    const secrets = yield* Secrets
    const { adapters } = yield* Providers
    const startedAt = yield* log.head
    const builtin = (yield* Effect.serviceOption(BuiltinMcp))._tag === "Some"
    const settableOf = ({ defaults, settable = onlyModel }: Pick<ProviderAdapter, "defaults" | "settable">): Settable => ({
      ...settable,
      builtin,
      ...defined({ defaultMode: defaults?.permissionMode })
    })
    const batch = options.batch ?? {
      commands: { count: 128, weight: 128 * 1024 },
      // Facts come from agents without a pause (docs/decisions/0108).
      facts: { count: 64, weight: 96 * 1024 }
    }
    const retryDelay = Duration.toMillis(options.retry ?? "250 millis")
    const gate: { admission: "starting" | "open" | "closed" | "ended"; paused: boolean } = { admission: "starting", paused: true }
    const counts = { commands: 0, facts: 0, overloaded: 0 }
    const refused: Record<string, number> = {}
    const countRefused = (error: CommandError) => {
      const kind = error._tag === "CommandRejected" ? error.rule : error._tag
      refused[kind] = (refused[kind] ?? 0) + 1
    }

    const latch = Effect.unsafeMakeLatch(false)
    const idle = Effect.unsafeMakeLatch(true)
    /** Dispatched commands that are not in the lane yet: their directory and blobs are being looked up. */
    let entering = 0
    /** Open while `entering` is 0, and after admission has ended. */
    const entered = Effect.unsafeMakeLatch(true)
    const isEnded = () => gate.admission === "ended"
    const refuseEntering = () => {
      gate.admission = "ended"
      entered.unsafeOpen()
    }
    const enter = Effect.acquireRelease(
      Effect.sync(() => {
        entering += 1
        entered.unsafeClose()
      }),
      () =>
        Effect.sync(() => {
          entering -= 1
          if (entering === 0) entered.unsafeOpen()
        })
    )
    const wake = () => {
      idle.unsafeClose()
      latch.unsafeOpen()
    }
    const commands = new Lane<CommandJob>(options.commands ?? { count: 1024, weight: 16 * 1024 * 1024 }, wake)
    const facts = new Lane<FactJob>(options.facts ?? { count: 256, weight: 4 * 1024 * 1024 }, wake)
    const references = new SecretReferences(secrets)
    const committer = yield* Committer.make({
      references,
      idleThreads: options.idleThreads ?? 1000,
      providers: new Map(Array.from(adapters, ([name, adapter]) => [name, settableOf(adapter)])),
      settableIn: (provider, cwd) => {
        const adapter = adapters.get(provider)
        const reported = adapter?.settableIn?.(cwd)
        return adapter === undefined || reported === undefined ? undefined : settableOf({ ...adapter, settable: reported })
      },
      signIn: new Map(
        Array.from(adapters).flatMap(([name, { signIn }]) => (signIn === undefined ? [] : [[name, signIn] as const]))
      ),
      isPaused: () => gate.paused,
      policy: Continuation.policy(options.continuation ?? {}),
      approve: options.approve ?? [],
      goalPace: options.goalPace === undefined ? Goal.defaultPace : Duration.toMillis(options.goalPace),
      bounds: { ...unbounded, ...options.places }
    })

    /** Enqueues, ahead of other facts, one fact for each thread that may start a turn and each idle session that must stop. `Places.release` bounds their number. */
    const release = Effect.gen(function* () {
      const found = committer.release(yield* Clock.currentTimeMillis)
      if (found === undefined) return
      const factJob = (fact: Fact): FactJob => ({ _tag: "FactJob", fact, seed: "", weight: controlWeight, done: undefined })
      const factJobs = [
        ...found.start.map((threadId) => factJob({ _tag: "QueueReleased", threadId })),
        ...found.stop.map((session) => factJob({ _tag: "PlaceWanted", ...session }))
      ]
      if (factJobs.length === 0) return
      facts.putBack(factJobs, (job) => job.weight)
      wake()
    })
    const hold = (directory: string) =>
      Effect.sync(() => Either.map(committer.places.hold(directory), (free) => Effect.zipRight(Effect.sync(free), release)))
    const worktrees = yield* Worktrees.forCommands(log, hold)

    /** Open while a provider is at its usage limit. */
    const limited = Effect.unsafeMakeLatch(false)
    /** Sleeps until the next usage limit ends, then releases the turns that waited for it: no event marks that end. */
    const awaitLimits = Effect.gen(function* () {
      for (;;) {
        const until = committer.places.nextLimit
        if (until === undefined) {
          limited.unsafeClose()
          yield* limited.await
          continue
        }
        const left = until - (yield* Clock.currentTimeMillis)
        // The end is a wall-clock time, and a suspend delays the timer: check once a minute.
        if (left > 0) yield* Effect.sleep(Math.min(left, 60_000))
        else yield* release
      }
    })

    const traced = <A>(work: Effect.Effect<A>, commands: number, facts: number) =>
      options.trace === true
        ? Effect.withSpan(work, "Engine.batch", { root: true, captureStackTrace: false, attributes: { commands, facts } })
        : work

    /** Runs one batch; returns the number of consecutive storage failures. */
    const runBatch = (failures: number) =>
      Effect.gen(function* () {
        const commandJobs = commands.take(batch.commands.count, batch.commands.weight)
        // While storage fails, answer commands without retrying the facts each time.
        const factJobs = failures > 0 && commandJobs.length > 0 ? [] : facts.take(batch.facts.count, batch.facts.weight)
        const jobs: ReadonlyArray<Job> = [...commandJobs, ...factJobs]
        if (jobs.length === 0) return failures
        counts.commands += commandJobs.length
        const { again, broken } = yield* traced(committer.commit(jobs), commandJobs.length, factJobs.length)
        facts.putBack(again, (job) => job.weight)
        counts.facts += factJobs.length - again.length
        if (broken === undefined) yield* release
        if (committer.places.nextLimit !== undefined) limited.unsafeOpen()
        return broken === undefined ? 0 : failures + 1
      }).pipe(Effect.uninterruptible)

    const run = Effect.gen(function* () {
      let failures = 0
      for (;;) {
        if (commands.isEmpty && facts.isEmpty) {
          latch.unsafeClose()
          idle.unsafeOpen()
          yield* latch.await
        }
        failures = yield* runBatch(failures)
        if (failures > 0 && commands.size === 0) {
          latch.unsafeClose()
          yield* Effect.raceFirst(latch.await, Effect.sleep(Math.min(5000, retryDelay * 2 ** Math.min(failures - 1, 6))))
        } else yield* Effect.yieldNow()
      }
    })

    yield* Effect.forkScoped(run)
    yield* Effect.forkScoped(awaitLimits)
    yield* references.collect(log).pipe(
      Effect.catchAllCause((cause) =>
        Effect.logWarning("Secrets that are not used any more are kept until the next start", cause)
      ),
      Effect.forkScoped
    )
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        refuseEntering()
        for (const job of commands.take(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)) answer(job, Either.left(shuttingDown))
      })
    )

    const refuse = Effect.suspend(() => {
      counts.overloaded++
      return full
    })

    /** The stored blobs that the command's attachments name. */
    const blobsOf = (command: Command): Effect.Effect<KnownBlobs, CommandError> => {
      const hashes = new Set(promptOf(command)?.attachments?.map(({ blob }) => blob))
      if (hashes.size === 0) return Effect.succeed(noBlobs)
      return Effect.forEach(hashes, (hash) => log.getBlob(hash)).pipe(
        Effect.map((found) => new Map(found.flatMap((blob) => (blob === undefined ? [] : [[blob.hash, blob] as const])))),
        Effect.mapError(storageUnavailable)
      )
    }

    /** Admission is decided on arrival; resolving the directory may take longer. */
    const admitPinned = Effect.fnUntraced(function* (sent: Command, actor: string, pin: Pin, before: Before | undefined) {
      if (gate.admission === "starting") return yield* starting
      if (gate.admission !== "open") return yield* shuttingDown
      yield* enter
      const weight = weightOf(sent)
      if (!commands.hasRoom(weight)) return yield* refuse
      const { command, given, unknownSecrets } = yield* GivenSecrets.named(secrets, sent, pin)
      const directory = "cwd" in command && command.cwd !== undefined ? yield* directories.resolve(command.cwd) : undefined
      const blobs = yield* blobsOf(command)
      const further = "directories" in command ? yield* Effect.forEach(command.directories ?? [], directories.resolve) : []
      const reply = yield* Deferred.make<Accepted, CommandError>()
      const seed = yield* Seeds.next
      const threadId = `thr_${seed}` as ThreadId
      const worktree = yield* worktrees.prepare(command, directory, threadId)
      const created = command.type === "thread.create" && worktree?._tag === "Right" ? threadId : undefined
      const digest = Receipts.digest(command)
      // Nothing runs between this check and the offer to the lane (S1).
      if (!isEnded()) {
        const job = {
          ...before,
          _tag: "CommandJob",
          command,
          actor,
          directory,
          further,
          blobs,
          worktree,
          unknownSecrets,
          secrets: given,
          release: pin.release,
          digest,
          seed,
          reply
        } as const
        if (commands.tryOffer(job, weight)) return { reply, created }
      }
      if (created !== undefined) yield* worktrees.discard(created)
      return yield* isEnded() ? shuttingDown : refuse
    }, Effect.scoped)
    const admit = (sent: Command, actor: string, before: Before | undefined) =>
      Effect.suspend(() => {
        const pin = references.pin()
        return Effect.onError(admitPinned(sent, actor, pin, before), () => Effect.sync(pin.release))
      })

    const dispatch = Effect.fn("Engine.dispatch")(function* (command: Command, actor: string, before: Before | undefined) {
      if (options.trace === true) yield* Effect.annotateCurrentSpan({ command: command.type, commandId: command.commandId })
      const { created, reply } = yield* admit(command, actor, before)
      if (created === undefined) return yield* Deferred.await(reply)
      // The command is decided also if its caller leaves: what it does not use is removed at the next start.
      return yield* Deferred.await(reply).pipe(
        // Any other error may come after the commit: the thread may exist, so its worktree stays until the next start compares them.
        Effect.tapError(({ _tag }) =>
          _tag === "CommandRejected" || _tag === "CommandIdConflict" ? worktrees.discard(created) : Effect.void
        ),
        Effect.tap(({ threadId }) => (threadId === created ? Effect.void : worktrees.discard(created)))
      )
    })

    const commandStatus = Effect.fn("Engine.commandStatus")(function* (commandId: string) {
      const receipt = (yield* log.receipts([commandId]).pipe(Effect.mapError(storageUnavailable))).get(commandId)
      if (receipt !== undefined) return Receipts.statusOf(log.epoch, receipt)
      const message = "The server has no answer to a command with this id. Send the command with this id again."
      return yield* new NotFound({ what: "command", id: commandId, message })
    })

    const submit = Effect.fn("Engine.submit")(function* (fact: Fact, weight: number = controlWeight) {
      const done = yield* Deferred.make<boolean>()
      const seed = yield* Seeds.next
      yield* facts.offer({ _tag: "FactJob", fact: wellFormedJson(fact), seed, weight, done }, weight)
      return yield* Deferred.await(done)
    })

    return Engine.of({
      startedAt,
      takeAnswer: (requestId) => committer.given.take(requestId),
      // Callers in process are not decoded by a transport, and no string in the log may hold half a surrogate pair.
      dispatch: (command, actor = "local", before) =>
        Effect.tapError(dispatch(wellFormedJson(command), actor, before), (error) => Effect.sync(() => countRefused(error))),
      hold,
      commandStatus,
      submit,
      ingest: ({ fact, weight }) => facts.offer({ _tag: "FactJob", fact, seed: "", weight, done: undefined }, weight),
      openAdmission: Effect.sync(() => {
        if (gate.admission === "starting") gate.admission = "open"
      }),
      closeAdmission: Effect.sync(() => {
        if (gate.admission !== "ended") gate.admission = "closed"
      }),
      refuseEntering: Effect.sync(refuseEntering),
      pauseQueues: Effect.sync(() => {
        gate.paused = true
      }),
      releaseQueues: Effect.sync(() => {
        gate.paused = false
      }),
      waiting: (threadIds) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          const found = new Map<ThreadId, Waiting>()
          for (const threadId of threadIds) {
            const waiting = committer.waitingOf(threadId, now)
            if (waiting !== undefined) found.set(threadId, waiting)
          }
          return found
        }),
      alongside: (thread) => Effect.sync(() => committer.places.alongside(thread)),
      drain: Effect.zipRight(entered.await, idle.await),
      stats: Effect.map(Clock.currentTimeMillis, (now) => ({
        ...counts,
        places: committer.places.stats(now),
        ...committer.counts,
        waitingCommands: commands.size,
        waitingFacts: facts.size,
        lanes: { commands: commands.load, facts: facts.load },
        refused: { ...refused }
      }))
    })
  })

/** Needs `EventLog`, `Directories`, `Secrets` and `Providers`. Admission is closed and queues are paused until Recovery has finished. */
export const layer = (options: Options = {}) => Layer.scoped(Engine, make(options))
