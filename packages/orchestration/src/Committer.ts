/** One batch of the engine: decides entries one by one on the evolving state, appends once, answers. The only module that changes the folded state. */
import { EventLog, type Committed, type Envelope, type LogUnavailable, type StoredReceipt } from "@millrace/log/EventLog"
import type { ThreadId } from "@millrace/contracts/Ids"
import type { Waiting } from "@millrace/contracts/State"
import { Cause, Clock, Deferred, Effect, Either, Exit, Option } from "effect"
import type { Policy } from "./Continuation.ts"
import { decideCommand } from "./decideCommand.ts"
import { decideFact } from "./decideFact.ts"
import { Draft, type Moment } from "./Draft.ts"
import { GivenAnswers } from "./GivenAnswers.ts"
import { Folded } from "./Folded.ts"
import type { Bounds, Places, Release } from "./Places.ts"
import * as Receipts from "./Receipts.ts"
import { answer, appendFailed, type Asked, needed, settle, smaller, type Told, type Work } from "./Work.ts"

/** The decision on one command or fact. Without an envelope there is nothing to commit. */
interface Decision {
  readonly envelope: Envelope | undefined
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
  readonly again: ReadonlyArray<Told>
  /** The storage error, if the batch met one. */
  readonly broken: LogUnavailable | undefined
}

const done: Outcome = { again: [], broken: undefined }
const noReceipts: ReadonlyMap<string, StoredReceipt> = new Map()

export interface Committer {
  /** Never fails: answers every caller except those of the facts in `again`. Run it uninterruptibly (L3). */
  readonly work: (works: ReadonlyArray<Work>) => Effect.Effect<Outcome>
  readonly figures: { batches: number; events: number }
  readonly given: GivenAnswers
  /** Threads that may start a turn and idle sessions to stop, after the last commit; `undefined` while queues are held or nothing changed. */
  readonly release: (now: number) => Release | undefined
  readonly waitingOf: (threadId: ThreadId, now: number) => Waiting | undefined
  readonly places: Places
}

export const make = (options: {
  readonly idleThreads: number
  readonly providers: ReadonlySet<string>
  readonly isHolding: () => boolean
  readonly policy: Policy
  readonly goalPace: number
  readonly bounds: Bounds
}): Effect.Effect<Committer, never, EventLog> =>
  Effect.map(EventLog, (log): Committer => {
    const folded = new Folded(options.idleThreads, options.bounds)
    const figures = { batches: 0, events: 0 }
    const given = new GivenAnswers()

    const moment = (at: string, seed: string): Moment => ({
      at,
      seed,
      hold: options.isHolding(),
      providers: options.providers,
      policy: options.policy,
      goalPace: options.goalPace
    })

    const replay = (work: Asked, earlier: Known): Decision => ({
      envelope: undefined,
      settle: () =>
        answer(
          work,
          earlier.digest === work.digest
            ? Receipts.reply(log.epoch, work.command.commandId, earlier.answer, earlier.offset(), true)
            : Either.left(Receipts.conflict(work.command.commandId))
        )
    })

    const decideAsked = (work: Asked, at: string, known: Map<string, Known>): Decision => {
      const { command, digest } = work
      const { commandId } = command
      const earlier = known.get(commandId)
      if (earlier !== undefined) return replay(work, earlier)
      const draft = new Draft(folded, moment(at, work.seed), { commandId, actor: work.actor })
      const decided = decideCommand(draft, work)
      const remembered = Receipts.answerOf(decided)
      const receipt = { commandId, digest, answer: remembered }
      if (Either.isRight(decided)) {
        folded.apply(draft)
        if (command.type === "request.answer" && command.answers !== undefined)
          given.put(command.requestId, { answers: command.answers })
      }
      let offset = 0
      known.set(commandId, { digest, answer: remembered, offset: () => offset })
      return {
        envelope: Either.isRight(decided) ? { ...draft.envelope, receipt } : { events: [], rows: [], receipt },
        settle: (committed) => {
          offset = committed?.last ?? 0
          answer(work, Receipts.reply(log.epoch, commandId, remembered, offset, false))
        }
      }
    }

    const decideTold = (work: Told, at: string): Decision => {
      const draft = new Draft(folded, moment(at, work.seed))
      const concerned = decideFact(draft, work.fact)
      folded.apply(draft)
      return {
        envelope: draft.events.length === 0 ? undefined : draft.envelope,
        settle: () => settle(work, concerned)
      }
    }

    const decideAll = (works: ReadonlyArray<Work>, at: string, receipts: ReadonlyMap<string, StoredReceipt>) => {
      const known = new Map<string, Known>()
      for (const [id, { digest, answer, offset }] of receipts)
        known.set(id, { digest, answer: Receipts.readAnswer(answer), offset: () => offset })
      return works.map((work) => (work._tag === "Asked" ? decideAsked(work, at, known) : decideTold(work, at)))
    }

    const attempt = (works: ReadonlyArray<Work>) =>
      Effect.gen(function* () {
        const at = new Date(yield* Clock.currentTimeMillis).toISOString()
        const ids = works.flatMap((work) => (work._tag === "Asked" ? [work.command.commandId] : []))
        const receipts = ids.length === 0 ? noReceipts : yield* log.receipts(ids)
        const missing = works.map(needed).filter((need) => folded.isMissing(need))
        if (missing.length > 0)
          yield* log.view((view) => {
            for (const need of missing) folded.load(view, need)
          })
        const decisions = decideAll(works, at, receipts)
        const envelopes = decisions.flatMap(({ envelope }) => envelope ?? [])
        const committed = envelopes.length === 0 ? [] : yield* log.append(envelopes)
        folded.commit()
        figures.batches++
        let next = 0
        for (const { envelope, settle } of decisions) {
          settle(envelope === undefined ? undefined : committed[next++])
          figures.events += envelope?.events.length ?? 0
        }
      }).pipe(Effect.onError(() => Effect.sync(() => folded.rollback())))

    /** A broken invariant fails only its own entry: a command's caller gets the defect; a fact is dropped and logged. */
    const defect = (work: Work, cause: Cause.Cause<unknown>) =>
      work._tag === "Asked"
        ? Deferred.failCause(work.reply, Cause.die(Cause.squash(cause)))
        : Effect.zipRight(
            Effect.logError(`A fact of ${work.fact.threadId} could not be decided`, cause),
            Effect.sync(() => settle(work, false))
          )

    /** Commits each entry alone, so that one bad envelope does not fail the others. Does not try the rest after the first storage error. */
    const alone = (works: ReadonlyArray<Work>) =>
      Effect.gen(function* () {
        let broken: LogUnavailable | undefined
        const again: Array<Told> = []
        for (const work of works) {
          // Facts keep their order: after one that is retried, all later facts of this batch are retried too.
          const waits = work._tag === "Told" && again.length > 0
          if (broken !== undefined || waits) {
            if (work._tag === "Told") again.push(work)
            else if (broken !== undefined) answer(work, Either.left(appendFailed(broken)))
            continue
          }
          const exit = yield* Effect.exit(attempt([work]))
          if (Exit.isSuccess(exit)) continue
          const failure = Cause.failureOption(exit.cause)
          if (Option.isNone(failure)) {
            yield* defect(work, exit.cause)
            continue
          }
          if (failure.value._tag === "LogUnavailable") broken = failure.value
          if (work._tag === "Asked") answer(work, Either.left(appendFailed(failure.value)))
          else again.push(...(broken === undefined ? smaller(work) : [work]))
        }
        return { again, broken }
      })

    return {
      figures,
      given,
      release: (now) => (options.isHolding() ? undefined : folded.places.release(now)),
      waitingOf: (threadId, now) => folded.waitingOf(threadId, now),
      places: folded.places,
      work: (works) =>
        Effect.matchCauseEffect(attempt(works), { onSuccess: () => Effect.succeed(done), onFailure: () => alone(works) })
    }
  })
