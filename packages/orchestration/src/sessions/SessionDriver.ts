/**
 * One session of one thread: opens the agent, gives it turns one at a time, lets interrupts, answers and stops overtake them, reads its events to
 * the end, and reports its end to the engine. Its fibers live in its own scope; every death becomes a fact (T2, T7).
 */
import { defined } from "@millrace/contracts/Defined"
import type { RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Answer, Failure } from "@millrace/contracts/Item"
import { ProviderError, type ProviderSession } from "@millrace/contracts/ProviderAdapter"
import type { TurnAction } from "@millrace/contracts/State"
import { Deferred, Duration, Effect, Either, ExecutionStrategy, Exit, Option, Queue, Scope, Stream } from "effect"
import type { Engine } from "../engine/Engine.ts"
import type * as Handover from "./Handover.ts"
import * as Ingestion from "./Ingestion.ts"
import type { Intent } from "./Intent.ts"
import * as SessionOpening from "./SessionOpening.ts"
import type { Signals } from "../streams/Signals.ts"

/** Deadlines of each step, after which the next stronger one is taken. */
export interface Budgets {
  /** Starting the agent. */
  readonly open: Duration.DurationInput
  /** Until the agent accepts a turn, steered text or an answer. The adapter's own deadlines are shorter. */
  readonly call: Duration.DurationInput
  /** From the interrupt request to the turn's end; then the session is stopped. */
  readonly interrupt: Duration.DurationInput
  /** For the adapter's stop (stdin, TERM, KILL), and again for reading the rest; then the session is abandoned. */
  readonly stop: Duration.DurationInput
}

/** Drives one session of an agent: acts on its intents until the session has ended. */
export interface SessionDriver {
  readonly threadId: ThreadId
  readonly epoch: number
  readonly provider: string
  /** Acts on an intent; returns at once. */
  readonly take: (intent: Intent) => Effect.Effect<unknown>
  /** Turns dispatched to it that have not ended. */
  readonly openTurns: () => ReadonlyArray<Deferred.Deferred<void>>
  /** Done when the agent has ended or was abandoned, and the session's end is committed. */
  readonly closed: Deferred.Deferred<void>
  /** Done when the agent is proven ended: its scope has closed completely (P7). */
  readonly gone: Deferred.Deferred<void>
  /** Abandons the agent: closes its scope, which kills it, and reports the session as ended. */
  readonly giveUp: Effect.Effect<unknown>
}

export interface Input extends SessionOpening.Input {
  readonly engine: typeof Engine.Service
  readonly signals: typeof Signals.Service
  readonly budgets: Budgets
  readonly ingestion: Ingestion.Options
  /** The prompt of a turn, or its action, from the log. */
  readonly prompt: (turnId: TurnId) => Effect.Effect<{ readonly text: string; readonly action: TurnAction | undefined }>
}

interface Turn {
  /** Done when the agent has accepted or refused it. */
  readonly given: Deferred.Deferred<void>
  readonly ended: Deferred.Deferred<void>
}

type Serial = Extract<Intent, { _tag: "StartTurn" | "Steer" }>

/** Most steers queued for one agent; one more is refused and becomes a turn. */
const maxSteers = 64

const unanswered = (error: ProviderError): string => `the agent could not be given an answer: ${error.failure.message}`

/** The action was requested while another agent, or an older version of this one, ran the thread. */
const cannot = (provider: string, { type }: TurnAction) =>
  new ProviderError({
    provider,
    operation: "startTurn",
    outcome: "failed",
    failure: { kind: "refused", message: `${provider} does not support this action (${type}).` }
  })

/** Whether the agent must not get another turn after this failure. */
const isFatal = ({ outcome, failure }: ProviderError): boolean =>
  outcome === "unknown" || failure.kind === "process" || failure.kind === "transport"

/** Makes the driver and starts it in the given scope. */
export const make = (input: Input, scope: Scope.Scope): Effect.Effect<SessionDriver> =>
  Effect.gen(function* () {
    const { engine, threadId, epoch, budgets } = input
    const sessionScope = yield* Scope.fork(scope, ExecutionStrategy.sequential)
    /** The agent's own scope: it is closed first, so the agent is killed before waiting for its events to be committed (S8). */
    const agent = yield* Scope.fork(sessionScope, ExecutionStrategy.sequential)
    const signals = yield* Scope.extend(input.signals.session(threadId), sessionScope)
    // Never drops: steers are counted before the offer, and the last slot is reserved for a turn, because the engine dispatches one at a time.
    const serial = yield* Queue.dropping<Serial>(maxSteers + 1)
    const opened = yield* Deferred.make<ProviderSession | undefined>()
    const stopping = yield* Deferred.make<string>()
    const givenUp = yield* Deferred.make<void>()
    const read = yield* Deferred.make<void>()
    const closed = yield* Deferred.make<void>()
    const gone = yield* Deferred.make<void>()
    const turns = new Map<TurnId, Turn>()
    let death: Failure | undefined
    /** The transcript for the agent after a hand-over or a lost conversation, until it has accepted it with a turn. */
    let handed: Handover.HandoverBrief | undefined
    /** The log still holds the key of a lost conversation. The new key is recorded once the agent has been given the transcript. */
    let keyIsNews = false

    const turnFor = (turnId: TurnId) =>
      Effect.gen(function* () {
        const known = turns.get(turnId)
        if (known !== undefined) return known
        const turn: Turn = { given: yield* Deferred.make<void>(), ended: yield* Deferred.make<void>() }
        turns.set(turnId, turn)
        return turn
      })

    /** First the adapter's stop; if that takes too long, the session is abandoned and its scope closed. */
    const stop = (reason: string) =>
      Effect.gen(function* () {
        if (!(yield* Deferred.succeed(stopping, reason))) return
        signals.close()
        // Log the stop first, so that the agent's end counts as wanted and the queue waits for the next session.
        // The timeout stops the agent even while the log cannot be written.
        yield* engine
          .submit({ _tag: "StopWanted", threadId, epoch, reason, ...defined({ error: death }) })
          .pipe(Effect.timeoutOption("1 second"))
        const session = yield* Deferred.await(opened)
        if (session === undefined) return
        yield* session.stop(reason).pipe(Effect.interruptible, Effect.timeoutOption(budgets.stop))
        yield* Deferred.await(read).pipe(Effect.timeoutOption(budgets.stop))
        yield* Deferred.succeed(givenUp, undefined)
      })

    const fatal = (failure: Failure) => {
      death ??= failure
      return Effect.forkIn(stop(failure.message), scope)
    }

    const learn = (session: ProviderSession, known: string | undefined) =>
      session.resumeKey === undefined || session.resumeKey === known
        ? Effect.void
        : engine.submit({ _tag: "ResumeKeyLearned", threadId, epoch, resumeKey: session.resumeKey })

    /** A call that hangs or throws has an unknown outcome, like one whose deadline has passed (T4). */
    const guardedCall = (operation: string, call: Effect.Effect<void, ProviderError>) => {
      const unknown = (message: string) =>
        new ProviderError({ provider: input.provider, operation, outcome: "unknown", failure: { kind: "unknown", message } })
      return call.pipe(
        Effect.catchAllDefect((defect) => Effect.fail(unknown(`The adapter failed in ${operation}: ${String(defect)}`))),
        Effect.timeoutFail({
          duration: budgets.call,
          onTimeout: () => unknown(`The agent did not answer ${operation} within ${Duration.format(budgets.call)}.`)
        })
      )
    }

    const startTurn = (session: ProviderSession, turnId: TurnId) =>
      Effect.gen(function* () {
        const turn = turns.get(turnId)
        if (turn === undefined) return
        const known = session.resumeKey
        const { action, text } = yield* input.prompt(turnId)
        const start =
          action === undefined
            ? session.startTurn({ turnId, text: `${handed?.text ?? ""}${text}` })
            : session.capabilities.includes(action.type)
              ? session.startTurn({ turnId, text, action })
              : Effect.fail(cannot(input.provider, action))
        const taken = yield* Effect.either(guardedCall("startTurn", start))
        yield* Deferred.succeed(turn.given, undefined)
        if (Either.isRight(taken)) {
          if (action !== undefined || handed === undefined) return yield* learn(session, known)
          handed = undefined
          return yield* learn(session, keyIsNews ? undefined : known)
        }
        if (isFatal(taken.left)) return yield* fatal(taken.left.failure)
        return yield* engine.submit({ _tag: "TurnRefused", threadId, epoch, turnId, failure: taken.left.failure })
      })

    const refuseSteer = ({ turnId, text }: Extract<Serial, { _tag: "Steer" }>) =>
      engine.submit({ _tag: "SteerRefused", threadId, epoch, turnId, text })

    const lane = (session: ProviderSession) =>
      Queue.take(serial).pipe(
        Effect.flatMap((intent) =>
          intent._tag === "StartTurn"
            ? startTurn(session, intent.turnId)
            : guardedCall("steer", session.steer(intent)).pipe(Effect.catchAll(() => refuseSteer(intent)))
        ),
        Effect.forever
      )

    /** Looks the turn up when the intent arrives, in log order: the next event may be its end, which removes it (T7). */
    const turnToInterrupt = (turnId: TurnId) =>
      Effect.gen(function* () {
        const known = turns.has(turnId)
        const turn = yield* turnFor(turnId)
        if (!known) yield* Deferred.succeed(turn.given, undefined)
        return turn
      })

    const interrupt = (turnId: TurnId, turn: Turn) =>
      Effect.gen(function* () {
        const ended = yield* Effect.gen(function* () {
          const session = yield* Deferred.await(opened)
          yield* Deferred.await(turn.given)
          if (session !== undefined)
            yield* guardedCall("interrupt", session.interrupt(turnId)).pipe(
              Effect.catchAll((error) => Effect.logWarning(`${threadId}: the agent refused to interrupt: ${error.message}`))
            )
          yield* Deferred.await(turn.ended)
        }).pipe(Effect.timeoutOption(budgets.interrupt))
        if (Option.isNone(ended))
          yield* stop(`the agent did not end the turn within ${Duration.format(budgets.interrupt)} of the interrupt`)
      })

    const reply = (requestId: RequestId, answer: Answer) =>
      Effect.gen(function* () {
        const session = yield* Deferred.await(opened)
        if (session === undefined) return
        // Stop an agent that an answer cannot reach: it would wait indefinitely.
        yield* guardedCall("answer", session.answer(requestId, answer)).pipe(Effect.catchAll((error) => stop(unanswered(error))))
      })

    const live = ({ continuity, lost, session, brief }: SessionOpening.Opened) =>
      Effect.gen(function* () {
        handed = brief
        keyIsNews = brief !== undefined && continuity === "replayed"
        const { capabilities } = session
        const resumeKey = keyIsNews ? undefined : session.resumeKey
        const how =
          lost === undefined ? { continuity: session.continuity } : { continuity: continuity ?? session.continuity, lost }
        const concerned = yield* engine.submit({ _tag: "SessionOpened", threadId, epoch, ...how, resumeKey, capabilities })
        yield* Deferred.succeed(opened, session)
        if (!concerned) yield* Effect.forkIn(stop("its thread no longer needs it"), scope)
        // The agent may switch to another conversation at any time, for example by one of its own commands. The next session resumes that one.
        let known = resumeKey
        const events = session.events.pipe(
          Stream.mapChunksEffect((chunk) => {
            const before = known
            known = session.resumeKey
            return Effect.as(learn(session, before), chunk)
          })
        )
        yield* Ingestion.run(engine, { threadId, epoch, events, signals }, input.ingestion).pipe(
          Effect.tapErrorCause((cause) => Effect.logError(`${threadId}: the agent of epoch ${epoch} could not be read`, cause)),
          Effect.ensuring(Deferred.succeed(read, undefined)),
          Effect.forkIn(sessionScope)
        )
        yield* Effect.forkIn(lane(session), sessionScope)
        yield* Effect.raceFirst(Deferred.await(read), Deferred.await(givenUp))
      })

    /** A hanging finalizer of an adapter must not block the thread: wait for the close at most `stop`. */
    const closeOwn = Effect.forkDaemon(
      Scope.close(agent, Exit.void).pipe(
        Effect.zipRight(Deferred.succeed(gone, undefined)),
        Effect.zipRight(Scope.close(sessionScope, Exit.void))
      )
    ).pipe(
      // The close runs in a daemon fiber and is not interrupted by the timeout: its completion proves that the agent has ended.
      Effect.zipRight(Deferred.await(gone).pipe(Effect.interruptible, Effect.timeoutOption(budgets.stop))),
      Effect.flatMap((done) =>
        Option.isSome(done)
          ? Effect.void
          : Effect.logError(
              `${threadId}: the agent of epoch ${epoch} may still be running: closing it took longer than ${Duration.format(budgets.stop)}`
            )
      )
    )

    const steersLeft = Effect.flatMap(Queue.takeAll(serial), (left) =>
      Effect.forEach(left, (intent) => (intent._tag === "Steer" ? refuseSteer(intent) : Effect.void), { discard: true })
    )

    const run = Effect.gen(function* () {
      const exit = yield* Effect.either(SessionOpening.open(input, agent, Deferred.await(stopping)))
      if (Either.isRight(exit)) yield* live(exit.right)
      else yield* Deferred.succeed(opened, undefined)
      yield* closeOwn
      const failure = Either.isLeft(exit) ? exit.left : death
      yield* engine.submit(
        failure === undefined
          ? { _tag: "SessionEnded", threadId, epoch, reason: "the agent's process ended" }
          : { _tag: "SessionFailed", threadId, epoch, failure }
      )
      yield* steersLeft
    }).pipe(Effect.ensuring(Deferred.succeed(closed, undefined)))

    yield* Effect.forkIn(run, scope)

    const take = (intent: Intent): Effect.Effect<unknown> => {
      switch (intent._tag) {
        case "StartTurn":
          return Effect.zipRight(turnFor(intent.turnId), Queue.offer(serial, intent))
        case "Steer":
          return Effect.flatMap(Queue.size(serial), (waiting): Effect.Effect<unknown> =>
            waiting < maxSteers ? Queue.offer(serial, intent) : Effect.forkIn(refuseSteer(intent), scope)
          )
        case "Interrupt":
          return Effect.flatMap(turnToInterrupt(intent.turnId), (turn) => Effect.forkIn(interrupt(intent.turnId, turn), scope))
        case "Answer":
          return Effect.forkIn(reply(intent.requestId, intent.answer), scope)
        case "Stop":
          return Effect.forkIn(stop(intent.reason), scope)
        case "TurnEnded": {
          const turn = turns.get(intent.turnId)
          turns.delete(intent.turnId)
          return turn === undefined ? Effect.void : Deferred.succeed(turn.ended, undefined)
        }
        case "Open":
          return Effect.void
      }
    }

    return {
      threadId,
      epoch,
      provider: input.provider,
      take,
      openTurns: () => [...turns.values()].map((turn) => turn.ended),
      closed,
      gone,
      giveUp: Effect.zipRight(Deferred.succeed(stopping, "given up"), Deferred.succeed(givenUp, undefined))
    }
  })
