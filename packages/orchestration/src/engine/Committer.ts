/** Commits one batch of jobs: decides them one by one on the evolving state, appends all events once, then answers the callers. Only this module changes the state cache. */
import type { ApprovalRules } from "@millrace/contracts/ApprovalRule"
import { defined } from "@millrace/contracts/Defined"
import { EventLog, type Committed, type Envelope, type LogUnavailable, type StoredReceipt } from "@millrace/log/EventLog"
import type { ThreadId } from "@millrace/contracts/Ids"
import { Secrets } from "@millrace/log/Secrets"
import type { Waiting } from "@millrace/contracts/State"
import { Cause, Clock, Data, Deferred, Effect, Either, Exit, Option } from "effect"
import type { Policy } from "../state/Continuation.ts"
import { decideCommand } from "../decide/decideCommand.ts"
import { decideFact } from "../decide/decideFact.ts"
import { Draft, type DecisionContext } from "../decide/Draft.ts"
import { GivenAnswers } from "./GivenAnswers.ts"
import type { SecretReferences } from "./SecretReferences.ts"
import { StateCache } from "./StateCache.ts"
import type { Bounds, Places, Release } from "./Places.ts"
import * as Receipts from "./Receipts.ts"
import { answer, appendFailed, type CommandJob, needed, settle, split, type FactJob, type Job } from "./Job.ts"

/** The decision on one command or fact. Without an envelope there is nothing to commit. */
interface Decision {
  readonly envelope: Envelope | undefined
  /** Values to store before the commit, by name. */
  readonly secrets?: ReadonlyMap<string, string>
  readonly settle: (committed: Committed | undefined) => void
}

/** The answer to an earlier command with the same id. Its offset is known once its batch is committed. */
interface Known {
  readonly digest: string
  readonly answer: Receipts.Answer
  readonly offset: () => number
}

export interface Outcome {
  /** Facts to retry before any others: storage failed, or they were split because an event was too large. */
  readonly again: ReadonlyArray<FactJob>
  /** The storage error, if the batch met one. */
  readonly broken: LogUnavailable | undefined
}

/** A row that holds the state of the job's thread or project is damaged. Not an outage: a retry reads the same bytes, and other rows are readable. */
class StateDamaged extends Data.TaggedError("StateDamaged")<{ readonly error: LogUnavailable }> {}

/** Maximum threads whose damage is remembered as logged. */
const maxLogged = 1_000

const done: Outcome = { again: [], broken: undefined }
const noReceipts: ReadonlyMap<string, StoredReceipt> = new Map()

export interface Committer {
  /** Never fails: answers every caller except those of the facts in `again`. Run it uninterruptibly (L3). */
  readonly commit: (jobs: ReadonlyArray<Job>) => Effect.Effect<Outcome>
  readonly counts: { batches: number; events: number }
  readonly given: GivenAnswers
  /** Threads that may start a turn and idle sessions to stop, after the last commit; `undefined` while queues are paused or nothing changed. */
  readonly release: (now: number) => Release | undefined
  readonly waitingOf: (threadId: ThreadId, now: number) => Waiting | undefined
  readonly places: Places
}

export const make = (options: {
  readonly idleThreads: number
  readonly providers: DecisionContext["providers"]
  readonly settableIn: NonNullable<DecisionContext["settableIn"]>
  readonly signIn: NonNullable<DecisionContext["signIn"]>
  readonly isPaused: () => boolean
  readonly policy: Policy
  readonly approve: ApprovalRules
  readonly goalPace: number
  readonly bounds: Bounds
  readonly references: SecretReferences
}): Effect.Effect<Committer, never, EventLog | Secrets> =>
  Effect.map(Effect.zip(EventLog, Secrets), ([log, secrets]): Committer => {
    const { references } = options
    const cache = new StateCache(options.idleThreads, options.bounds)
    const counts = { batches: 0, events: 0 }
    const given = new GivenAnswers()
    /** Threads whose damage was logged. */
    const logged = new Set<ThreadId>()

    const contextAt = (at: string, seed: string): DecisionContext => ({
      at,
      seed,
      paused: options.isPaused(),
      providers: options.providers,
      settableIn: options.settableIn,
      signIn: options.signIn,
      policy: options.policy,
      approve: options.approve,
      goalPace: options.goalPace
    })

    const replay = (job: CommandJob, earlier: Known): Decision => ({
      envelope: undefined,
      settle: () =>
        answer(
          job,
          earlier.digest === job.digest
            ? Receipts.reply(log.epoch, job.command.commandId, earlier.answer, earlier.offset(), true)
            : Either.left(Receipts.conflict(job.command.commandId))
        )
    })

    const decideCommandJob = (job: CommandJob, at: string, known: Map<string, Known>): Decision => {
      const { command, digest } = job
      const { commandId } = command
      const earlier = known.get(commandId)
      if (earlier !== undefined) return replay(job, earlier)
      const draft = new Draft(cache, contextAt(at, job.seed), { commandId, actor: job.actor })
      const decided = decideCommand(draft, job)
      const remembered = Receipts.answerOf(decided)
      const receipt = { commandId, digest, answer: remembered }
      if (Either.isRight(decided)) {
        cache.apply(draft)
        if (command.type === "request.answer" && command.answers !== undefined)
          given.put(command.requestId, { answers: command.answers })
      }
      let offset = 0
      known.set(commandId, { digest, answer: remembered, offset: () => offset })
      return {
        envelope: Either.isRight(decided) ? { ...draft.envelope, receipt } : { events: [], rows: [], receipt },
        ...(Either.isRight(decided) && job.secrets.size > 0 ? { secrets: job.secrets } : {}),
        settle: (committed) => {
          offset = committed?.last ?? 0
          if (Either.isRight(decided)) references.note(draft)
          answer(job, Receipts.reply(log.epoch, commandId, remembered, offset, false))
        }
      }
    }

    const decideFactJob = (job: FactJob, at: string): Decision => {
      // What retention deletes and what a rewind changed has a sender, as a command has.
      const actor = job.fact._tag === "ArchivedExpired" ? "server" : job.fact._tag === "RewindCut" ? job.fact.actor : undefined
      const cause = defined({ actor })
      const draft = new Draft(cache, contextAt(at, job.seed), cause)
      const applied = decideFact(draft, job.fact)
      cache.apply(draft)
      return {
        envelope: draft.events.length === 0 ? undefined : draft.envelope,
        settle: () => {
          references.note(draft)
          settle(job, applied)
        }
      }
    }

    const decideAll = (jobs: ReadonlyArray<Job>, at: string, receipts: ReadonlyMap<string, StoredReceipt>) => {
      const known = new Map<string, Known>()
      for (const [id, { digest, answer, offset }] of receipts)
        known.set(id, { digest, answer: Receipts.readAnswer(answer), offset: () => offset })
      return jobs.map((job) => (job._tag === "CommandJob" ? decideCommandJob(job, at, known) : decideFactJob(job, at)))
    }

    const attempt = (jobs: ReadonlyArray<Job>) =>
      Effect.gen(function* () {
        const at = new Date(yield* Clock.currentTimeMillis).toISOString()
        const ids = jobs.flatMap((job) => (job._tag === "CommandJob" ? [job.command.commandId] : []))
        const receipts = ids.length === 0 ? noReceipts : yield* log.receipts(ids)
        const missing = jobs.map(needed).filter((need) => cache.isMissing(need))
        if (missing.length > 0)
          yield* Effect.mapError(cache.load(log, missing), (error) =>
            error.reason === "corrupt" ? new StateDamaged({ error }) : error
          )
        const decisions = decideAll(jobs, at, receipts)
        for (const decision of decisions) for (const [name, value] of decision.secrets ?? []) yield* secrets.give(name, value)
        const envelopes = decisions.flatMap(({ envelope }) => envelope ?? [])
        const committed = envelopes.length === 0 ? [] : yield* log.append(envelopes)
        cache.commit()
        counts.batches++
        let next = 0
        for (const { envelope, settle } of decisions) {
          settle(envelope === undefined ? undefined : committed[next++])
          counts.events += envelope?.events.length ?? 0
        }
        yield* references.removeDropped
      }).pipe(Effect.onError(() => Effect.sync(() => cache.rollback())))

    /** A broken invariant fails only the job that met it: a command's caller gets the defect; a fact is dropped and logged. */
    const settleDefect = (job: Job, cause: Cause.Cause<unknown>) =>
      job._tag === "CommandJob"
        ? Effect.zipRight(Effect.sync(job.release), Deferred.failCause(job.reply, Cause.die(Cause.squash(cause))))
        : Effect.zipRight(
            Effect.logError(`A fact of ${job.fact.threadId} could not be decided`, cause),
            Effect.sync(() => settle(job, false))
          )

    /** A command's caller gets the error; a fact is dropped. Logged once for each thread, because timers repeat their facts. */
    const settleDamaged = (job: Job, error: LogUnavailable) =>
      Effect.suspend(() => {
        if (job._tag === "CommandJob") return Effect.sync(() => answer(job, Either.left(appendFailed(error))))
        const { threadId } = job.fact
        const isLogged = logged.has(threadId)
        if (logged.size >= maxLogged) logged.clear()
        logged.add(threadId)
        return Effect.zipRight(
          isLogged
            ? Effect.void
            : Effect.logError(
                `The state of ${threadId} cannot be read, so this thread does not continue; other threads do. ${error.message}`
              ),
          Effect.sync(() => settle(job, false))
        )
      })

    /** Commits each job in a separate batch, so that one bad envelope does not fail the others. After the first storage error, the remaining jobs are not tried. */
    const commitOneByOne = (jobs: ReadonlyArray<Job>) =>
      Effect.gen(function* () {
        let broken: LogUnavailable | undefined
        const again: Array<FactJob> = []
        for (const job of jobs) {
          // Facts keep their order: after a fact that will be retried, all later facts of this batch are retried too.
          const waits = job._tag === "FactJob" && again.length > 0
          if (broken !== undefined || waits) {
            if (job._tag === "FactJob") again.push(job)
            else if (broken !== undefined) answer(job, Either.left(appendFailed(broken)))
            continue
          }
          const exit = yield* Effect.exit(attempt([job]))
          if (Exit.isSuccess(exit)) continue
          const failure = Cause.failureOption(exit.cause)
          if (Option.isNone(failure)) {
            yield* settleDefect(job, exit.cause)
            continue
          }
          if (failure.value._tag === "StateDamaged") {
            yield* settleDamaged(job, failure.value.error)
            continue
          }
          if (failure.value._tag === "StorageUnavailable") {
            // Its secrets cannot be stored. A fact has none.
            if (job._tag === "CommandJob") answer(job, Either.left(failure.value))
            continue
          }
          // Only a command can name a blob that was deleted since it was looked up.
          if (failure.value._tag === "BlobMissing" && job._tag === "FactJob") {
            yield* settleDefect(job, exit.cause)
            continue
          }
          if (failure.value._tag === "LogUnavailable") broken = failure.value
          if (job._tag === "CommandJob") answer(job, Either.left(appendFailed(failure.value)))
          else again.push(...(broken === undefined ? split(job) : [job]))
        }
        return { again, broken }
      })

    return {
      counts,
      given,
      release: (now) => (options.isPaused() ? undefined : cache.places.release(now)),
      waitingOf: (threadId, now) => cache.waitingOf(threadId, now),
      places: cache.places,
      commit: (jobs) =>
        Effect.matchCauseEffect(attempt(jobs), { onSuccess: () => Effect.succeed(done), onFailure: () => commitOneByOne(jobs) })
    }
  })
