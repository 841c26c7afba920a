/**
 * Drives one session of one thread: opens the agent, performs the steps of `SessionSteps`, reads the agent's events to the end, and reports the
 * session's end to the engine, whatever its cause (T2, T7). Its fibers run in a separate scope.
 */
import type { Delivered } from "@millrace/contracts/Attachment"
import { defined } from "@millrace/contracts/Defined"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { ProviderError, type ProviderSession } from "@millrace/contracts/ProviderAdapter"
import type { ProviderEvent } from "@millrace/contracts/ProviderEvent"
import type { Settings } from "@millrace/contracts/Settings"
import type { TurnAction } from "@millrace/contracts/State"
import { Chunk, Deferred, Duration, Effect, Either, ExecutionStrategy, Exit, Option, Scope, Stream } from "effect"
import type { Prompt } from "../decide/decideAttachments.ts"
import type { Engine } from "../engine/Engine.ts"
import type { BeforeTurn } from "./BeforeTurn.ts"
import * as AttachmentDelivery from "./AttachmentDelivery.ts"
import type { AttachmentFiles } from "./AttachmentFiles.ts"
import type * as Handover from "./Handover.ts"
import * as Ingestion from "./Ingestion.ts"
import type { Intent } from "./Intent.ts"
import * as SessionOpening from "./SessionOpening.ts"
import * as Setup from "./Setup.ts"
import { SessionSettings } from "./SessionSettings.ts"
import { type Call, SessionSteps, type Step } from "./SessionSteps.ts"
import type { Signals } from "../streams/Signals.ts"

/** The time that each step may take. */
export interface Budgets {
  /** Starting the agent. */
  readonly open: Duration.DurationInput
  /** Setup command of a new worktree. Afterwards the command is ended and its turn fails. */
  readonly setup: Duration.DurationInput
  /** Until the agent accepts a turn, steered text or an answer. The adapter's own deadlines are shorter. */
  readonly call: Duration.DurationInput
  /** Time from the interrupt request to the turn's end. Afterwards the session is stopped. */
  readonly interrupt: Duration.DurationInput
  /** For the adapter's stop (stdin, TERM, KILL), and again for reading the rest of the output; then the session is abandoned. */
  readonly stop: Duration.DurationInput
}

export interface SessionDriver {
  readonly threadId: ThreadId
  readonly epoch: number
  readonly provider: string
  /** Acts on an intent; returns at once. */
  readonly take: (intent: Intent) => Effect.Effect<unknown>
  /** Returns when no turn of the session is open. */
  readonly turnsEnded: Effect.Effect<void>
  /** Done when the agent has ended or was abandoned, and the session's end is committed. */
  readonly closed: Deferred.Deferred<void>
  /** Done when no call of it runs any more, after the agent has ended: it writes no copies of attachments. */
  readonly callsEnded: Deferred.Deferred<void>
  /** Done when the agent's scope has closed completely, which proves that the agent has ended (P7). */
  readonly agentEnded: Deferred.Deferred<void>
  /** Abandons the agent: closes its scope, which kills it, and reports the session as ended. */
  readonly abandon: Effect.Effect<unknown>
}

export interface Input extends SessionOpening.Input {
  readonly engine: typeof Engine.Service
  readonly signals: typeof Signals.Service
  readonly budgets: Budgets
  readonly ingestion: Ingestion.Options
  /** The prompt of a turn, or its action, and the settings that it runs with, from the log. Fails if these are damaged there. */
  readonly prompt: (
    turnId: TurnId
  ) => Effect.Effect<Prompt & { readonly action: TurnAction | undefined; readonly settings: Settings }, ProviderError>
  readonly attachmentFiles: typeof AttachmentFiles.Service
  readonly beforeTurn: BeforeTurn["Type"]
}

/** Can happen if the action was requested while another agent, or another version of this agent, ran the thread. */
const unsupported = (provider: string, { type }: TurnAction) =>
  new ProviderError({
    provider,
    operation: "startTurn",
    outcome: "failed",
    failure: { kind: "refused", message: `${provider} does not support this action (${type}).` }
  })

/** A session that lists a capability to change a setting has `configure`; this is for one that does not keep to it. */
const notConfigurable = (provider: string) =>
  new ProviderError({
    provider,
    operation: "configure",
    outcome: "failed",
    failure: { kind: "refused", message: `${provider} cannot change its settings while it runs.` }
  })

/** Makes the driver and starts it in the given scope. */
export const make = (input: Input, scope: Scope.Scope): Effect.Effect<SessionDriver> =>
  Effect.gen(function* () {
    const { engine, threadId, epoch, budgets } = input
    const sessionScope = yield* Scope.fork(scope, ExecutionStrategy.sequential)
    /** The agent's own scope: it is closed first, so the agent is killed before waiting for its events to be committed (S8). */
    const agent = yield* Scope.fork(sessionScope, ExecutionStrategy.sequential)
    const signals = yield* Scope.extend(input.signals.session(threadId), sessionScope)
    const steps = new SessionSteps()
    const turnsEnded = Effect.unsafeMakeLatch(true)
    const opened = yield* Deferred.make<ProviderSession | undefined>()
    const stopping = yield* Deferred.make<string>()
    const abandoned = yield* Deferred.make<void>()
    const outputRead = yield* Deferred.make<void>()
    const closed = yield* Deferred.make<void>()
    const agentEnded = yield* Deferred.make<void>()
    const callsEnded = yield* Deferred.make<void>()
    /** After a hand-over or a lost conversation: the transcript, until the agent has accepted it with a turn. */
    let pendingBrief: Handover.HandoverBrief | undefined
    /** How the agent got the attachments of the last turn that was sent to it. One turn is sent at a time. */
    let delivery: { readonly turnId: TurnId; readonly attachments: ReadonlyArray<Delivered> } | undefined
    const withDelivery = (event: ProviderEvent): ProviderEvent =>
      event._tag === "TurnStarted" && event.turnId === delivery?.turnId ? { ...event, attachments: delivery.attachments } : event
    const settings = new SessionSettings()
    /** The directory of the agent, once it is open. */
    let directory: string | undefined

    /** Stops the agent by its adapter. If the stop exceeds its budget, abandons the session. */
    const stop = (reason: string) =>
      Effect.gen(function* () {
        if (!(yield* Deferred.succeed(stopping, reason))) return
        signals.close()
        // Log the stop first, so that the agent's end counts as requested and the queue waits for the next session.
        // The timeout stops the agent even while the log cannot be written.
        yield* engine
          .submit({ _tag: "StopWanted", threadId, epoch, reason, ...defined({ error: steps.failure }) })
          .pipe(Effect.timeoutOption("1 second"))
        const session = yield* Deferred.await(opened)
        if (session === undefined) return
        yield* session.stop(reason).pipe(Effect.interruptible, Effect.timeoutOption(budgets.stop))
        yield* Deferred.await(outputRead).pipe(Effect.timeoutOption(budgets.stop))
        yield* Deferred.succeed(abandoned, undefined)
      })

    /** Reports the session's resume key if it differs from the `known` one. */
    const reportResumeKey = (session: ProviderSession, known: string | undefined) =>
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

    const deliver = AttachmentDelivery.make(input.provider, threadId, input.attachmentFiles)
    /** Gives the session the settings of its next turn. */
    const configure = (session: ProviderSession, wanted: Settings) =>
      Effect.suspend(() => {
        const changed = settings.changed(wanted)
        if (changed === undefined) return Effect.void
        return guardedCall("configure", session.configure?.(changed) ?? Effect.fail(notConfigurable(input.provider))).pipe(
          Effect.tapBoth({
            onFailure: () => Effect.sync(() => settings.failed(wanted)),
            onSuccess: () => Effect.sync(() => settings.succeeded(wanted))
          })
        )
      })

    const startTurn = (session: ProviderSession, turnId: TurnId) =>
      Effect.gen(function* () {
        const known = session.resumeKey
        const { action, settings: wanted, ...prompt } = yield* input.prompt(turnId)
        const { text } = prompt
        if (directory !== undefined) yield* input.beforeTurn({ threadId, turnId, epoch, cwd: directory })
        yield* configure(session, wanted)
        const start =
          action === undefined
            ? Effect.flatMap(deliver(session, "startTurn", prompt), (ready) => {
                if (ready.attachments !== undefined) delivery = { turnId, attachments: AttachmentDelivery.how(ready.attachments) }
                return session.startTurn({ turnId, ...ready, text: `${pendingBrief?.text ?? ""}${ready.text}` })
              })
            : session.capabilities.includes(action.type)
              ? session.startTurn({ turnId, text, action })
              : Effect.fail(unsupported(input.provider, action))
        yield* guardedCall("startTurn", start)
        const isBriefed = action === undefined && pendingBrief !== undefined
        if (isBriefed) pendingBrief = undefined
        // Until the agent has the transcript, the log may hold the key of a lost conversation.
        yield* Effect.forkIn(reportResumeKey(session, isBriefed ? undefined : known), sessionScope)
      })

    const callAgent = (call: Call) =>
      Effect.flatMap(Deferred.await(opened), (session): Effect.Effect<void, ProviderError> => {
        if (session === undefined) return Effect.void
        if (call._tag === "StartTurn") return startTurn(session, call.turnId)
        if (call._tag === "Steer") {
          return Effect.gen(function* () {
            const { turnId } = call
            let given: ReadonlyArray<Delivered> | undefined
            const steer = Effect.flatMap(deliver(session, "steer", call), (ready) => {
              if (ready.attachments !== undefined) given = AttachmentDelivery.how(ready.attachments)
              return session.steer({ turnId, ...ready })
            })
            yield* guardedCall("steer", steer)
            if (given === undefined) return
            const delivered = { _tag: "SteerDelivered", threadId, epoch, turnId, attachments: given } as const
            yield* Effect.forkIn(engine.submit(delivered), sessionScope)
          })
        }
        if (call._tag === "Answer") return guardedCall("answer", session.answer(call.requestId, call.answer))
        return guardedCall("interrupt", session.interrupt(call.turnId)).pipe(
          Effect.tapError((error) => Effect.logWarning(`${threadId}: the agent refused to interrupt: ${error.message}`))
        )
      })

    const perform = (step: Step): Effect.Effect<unknown> => {
      switch (step._tag) {
        case "Call":
          return Effect.matchEffect(callAgent(step.call), {
            onFailure: (error) => act(() => steps.answered(step.call, error)),
            onSuccess: () => act(() => steps.answered(step.call))
          })
        case "Deadline":
          return stop(`the agent did not end the turn within ${Duration.format(budgets.interrupt)} of the interrupt`).pipe(
            Effect.when(() => steps.openTurns.has(step.turnId)),
            Effect.delay(budgets.interrupt)
          )
        case "Stop":
          return stop(step.reason)
        case "TurnRefused":
        case "SteerRefused":
          return engine.submit({ ...step, threadId, epoch })
      }
    }

    /** Starts the decided steps. A decision and the start of its steps are not interrupted, so no step is lost. */
    const act = (decide: () => ReadonlyArray<Step>): Effect.Effect<void> =>
      Effect.suspend(() => {
        const decided = decide()
        if (steps.openTurns.size > 0) turnsEnded.unsafeClose()
        else turnsEnded.unsafeOpen()
        return Effect.forEach(
          decided,
          (step) => Effect.forkIn(Effect.interruptible(perform(step)), step._tag === "Call" ? sessionScope : scope),
          { discard: true }
        )
      }).pipe(Effect.uninterruptible)

    const runOpened = ({ continuity, cwd, fork, lost, session, brief, settings: given }: SessionOpening.Opened) =>
      Effect.gen(function* () {
        pendingBrief = brief
        directory = cwd
        settings.opened(given)
        const { capabilities } = session
        // The key of a new conversation is recorded once the agent has been given the transcript.
        const resumeKey = brief !== undefined && continuity === "replayed" ? undefined : session.resumeKey
        const how =
          lost === undefined ? { continuity: session.continuity } : { continuity: continuity ?? session.continuity, lost }
        const applied = yield* engine.submit({
          _tag: "SessionOpened",
          threadId,
          epoch,
          ...how,
          ...defined({ fork }),
          resumeKey,
          capabilities
        })
        yield* Deferred.succeed(opened, session)
        if (!applied) yield* Effect.forkIn(stop("its thread no longer needs it"), scope)
        // The agent may switch to another conversation at any time, for example by one of its own commands. The next session resumes the latest one.
        let known = resumeKey
        const events = session.events.pipe(
          Stream.mapChunksEffect((chunk) => {
            const before = known
            known = session.resumeKey
            return Effect.as(reportResumeKey(session, before), Chunk.map(chunk, withDelivery))
          })
        )
        yield* Ingestion.run(engine, { threadId, epoch, cwd, events, signals }, input.ingestion).pipe(
          Effect.tapErrorCause((cause) => Effect.logError(`${threadId}: the agent of epoch ${epoch} could not be read`, cause)),
          Effect.ensuring(Deferred.succeed(outputRead, undefined)),
          Effect.forkIn(sessionScope)
        )
        yield* act(() => steps.opened())
        yield* Effect.raceFirst(Deferred.await(outputRead), Deferred.await(abandoned))
      })

    /** Closes the agent's scope, then the session's. Waits for at most the budget `stop`: a finalizer that hangs must not block the thread. */
    const closeScopes = Effect.forkDaemon(
      Scope.close(agent, Exit.void).pipe(
        Effect.zipRight(Deferred.succeed(agentEnded, undefined)),
        Effect.zipRight(Scope.close(sessionScope, Exit.void)),
        Effect.zipRight(Deferred.succeed(callsEnded, undefined))
      )
    ).pipe(
      // The timeout does not interrupt the close, which runs in a daemon fiber: its completion proves that the agent has ended.
      Effect.zipRight(Deferred.await(agentEnded).pipe(Effect.interruptible, Effect.timeoutOption(budgets.stop))),
      Effect.filterOrElse(Option.isSome, () =>
        Effect.logError(
          `${threadId}: the agent of epoch ${epoch} may still be running: closing it took longer than ${Duration.format(budgets.stop)}`
        )
      )
    )

    /** After the checkpoint of the turn's start, so that what the setup changes is a change of the turn. */
    const setUp = ({ turnId, ...command }: SessionOpening.SetUp) =>
      Option.match(input.worktrees, {
        onNone: () => Effect.void,
        onSome: (worktrees) => {
          const options = { turnId, within: budgets.setup, ingestion: input.ingestion }
          return Effect.zipRight(
            input.beforeTurn({ threadId, turnId, epoch, cwd: command.cwd }),
            Setup.run(engine, worktrees, { threadId, epoch, ...command }, options)
          )
        }
      }).pipe((setup) =>
        Effect.acquireUseRelease(
          act(() => steps.settingUp()),
          () => setup,
          () => act(() => steps.isSetUp())
        )
      )

    const run = Effect.gen(function* () {
      const exit = yield* Effect.either(SessionOpening.open(input, agent, Deferred.await(stopping), setUp))
      if (Either.isRight(exit)) yield* runOpened(exit.right)
      else yield* Deferred.succeed(opened, undefined)
      const refused = steps.end()
      yield* closeScopes
      const failure = Either.isLeft(exit) ? exit.left : steps.failure
      yield* engine.submit(
        failure === undefined
          ? { _tag: "SessionEnded", threadId, epoch, reason: "the agent's process ended" }
          : { _tag: "SessionFailed", threadId, epoch, failure }
      )
      yield* Effect.forEach(refused, perform, { discard: true })
    }).pipe(Effect.ensuring(Deferred.succeed(closed, undefined)))

    yield* Effect.forkIn(run, scope)

    return {
      threadId,
      epoch,
      provider: input.provider,
      take: (intent) => act(() => steps.take(intent)),
      turnsEnded: turnsEnded.await,
      closed,
      callsEnded,
      agentEnded,
      abandon: Effect.zipRight(Deferred.succeed(stopping, "given up"), Deferred.succeed(abandoned, undefined))
    }
  })
