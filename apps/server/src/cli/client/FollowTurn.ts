/** Follows one turn from its acceptance to its end: shows it, settles its requests, interrupts it on Ctrl-C. */
import { defined } from "@millrace/contracts/Defined"
import * as Permits from "@millrace/contracts/Permits"
import { Deferred, Effect, Fiber, FiberMap, Option, Queue, Stream } from "effect"
import * as Client from "@millrace/client/Client"
import * as Event from "@millrace/contracts/Event"
import type { LogEvent } from "@millrace/contracts/Event"
import { type RequestId, type ThreadId, threadStream, type TurnId } from "@millrace/contracts/Ids"
import * as Signal from "@millrace/contracts/Signal"
import type { TurnView } from "@millrace/contracts/State"
import * as TurnModel from "@millrace/model/Turn"
import * as Approve from "./Approve.ts"
import type { Connected } from "./Connect.ts"
import { type CliFailure, failed, fromError, interrupted, needsPerson, type OutputClosed } from "../Failure.ts"
import { Output } from "../Output.ts"
import * as ProcessSignals from "../ProcessSignals.ts"
import * as Transcript from "../terminal/Transcript.ts"

export interface Turn {
  readonly threadId: ThreadId
  readonly turnId: TurnId
  /** Cursor of the accepted command; the events of the turn's run come after it. */
  readonly cursor: string
  readonly provider: string
}

export interface Options {
  readonly approve: Approve.Policy
  readonly json: boolean
}

const failure = (error: TurnView["error"]) =>
  error === undefined ? undefined : `${error.message}${error.detail === undefined ? "" : `\n${error.detail}`}`

/** How to sign in: the agent's error and the reason of the turn's end. The error is omitted if the reason begins with it. */
const signInOf = ({ error, reason }: TurnView) => {
  const message = failure(error)
  const lines = message !== undefined && reason?.startsWith(message) === true ? [reason] : [message, reason]
  return lines.filter(Boolean).join("\n")
}

/**
 * The outcome of the turn as an exit. `undefined` if the turn has not ended. `isAsked`: whether the request to sign in may still be open. A failed turn of
 * an agent that is not signed in opens that request.
 */
export const exitOf = (turn: TurnView, isAsked = true): Effect.Effect<void, CliFailure> | undefined => {
  switch (TurnModel.outcomeOfTurn(turn)) {
    case "completed":
      return Effect.void
    case "interrupted":
      return Effect.fail(interrupted(`The turn was interrupted${turn.reason === undefined ? "" : `: ${turn.reason}`}`))
    case "failed":
      return Effect.fail(
        turn.error?.kind === "auth" && isAsked
          ? needsPerson(`${signInOf(turn)}\nThen: millrace answer REQUEST accept. Open requests: millrace requests`)
          : failed(failure(turn.error) ?? turn.reason ?? "The turn failed")
      )
    case undefined:
      return undefined
  }
}

/** The turn's outcome if this event of the turn is its terminal event. */
const endOf = (event: LogEvent, turn: Turn): Effect.Effect<void, CliFailure> | undefined => {
  const end = Event.terminals.map((type) => Transcript.dataOf(event, type)).find((data) => data !== undefined)
  return end === undefined
    ? undefined
    : exitOf(TurnModel.apply(TurnModel.unrequested(turn, event.at), Event.domainEvent(event), event.at))
}

const turnOf = (event: LogEvent): string | undefined => {
  const { data } = event
  return data !== null && typeof data === "object" && "turnId" in data && typeof data.turnId === "string"
    ? data.turnId
    : undefined
}

/** The view of the turn; `undefined` if the thread has no such turn or the server does not answer. Reads pages from the newest turn on. */
export const viewOf = (
  connected: Connected,
  turn: Pick<Turn, "threadId" | "turnId">,
  before?: number
): Effect.Effect<TurnView | undefined> =>
  connected.millrace.turns(turn.threadId, { limit: 50, ...defined({ before }) }).pipe(
    Effect.flatMap((page) => {
      const view = page.items.find(({ turnId }) => turnId === turn.turnId)
      return view === undefined && page.before !== undefined ? viewOf(connected, turn, page.before) : Effect.succeed(view)
    }),
    Effect.orElseSucceed(() => undefined)
  )

/** Reads the turn's outcome from state (D13), because its terminal event may have left the log while the connection was lost. */
const reconciled = (connected: Connected, turn: Turn) =>
  Effect.map(viewOf(connected, turn), (view) => (view === undefined ? undefined : exitOf(view)))

/** Succeeds when the turn completes. Otherwise fails with the exit code for its outcome. */
export const follow = (
  connected: Connected,
  turn: Turn,
  options: Options
): Effect.Effect<void, CliFailure | OutputClosed, Output> =>
  Effect.gen(function* () {
    const output = yield* Output
    const transcript = yield* Transcript.make({ json: options.json, provider: turn.provider })
    const ended = yield* Deferred.make<void, CliFailure | OutputClosed>()
    const prompts = yield* FiberMap.make<RequestId>()
    // One question at a time on the terminal.
    const terminal = Permits.make(1)
    let attaches = 0

    const settling = (event: LogEvent) =>
      Effect.gen(function* () {
        const opened = Transcript.dataOf(event, "request.opened")
        // An approval rule answers the request, or the turn has failed and waits for nothing.
        if (opened !== undefined && opened.rule === undefined && opened.kind !== "sign-in")
          yield* Approve.settle(connected, options.approve, opened.requestId, opened).pipe(
            terminal,
            Effect.catchAll((error) => Deferred.fail(ended, error)),
            (answering) => FiberMap.run(prompts, opened.requestId, answering)
          )
        const settled =
          Transcript.dataOf(event, "request.answered") ??
          Transcript.dataOf(event, "request.expired") ??
          Transcript.dataOf(event, "request.cancelled")
        // Another client settled the request: withdraw the prompt.
        if (settled !== undefined) yield* FiberMap.remove(prompts, settled.requestId)
      })

    const onEvent = (event: LogEvent) =>
      Effect.gen(function* () {
        const turnId = turnOf(event)
        if (turnId !== undefined && turnId !== turn.turnId)
          return event.type === "turn.started" ? yield* output.progress("queued behind another turn") : undefined
        yield* transcript.show(event)
        yield* settling(event)
        const end = turnId === turn.turnId ? endOf(event, turn) : undefined
        if (end !== undefined) yield* Deferred.complete(ended, end)
      })

    /** Shows token usage in the progress line only; signals are not part of the answer. */
    const onSignal = (signal: Signal.Signal) => {
      const tokens = signal.turnId === turn.turnId ? Signal.usageIn(signal)?.totalTokens : undefined
      return tokens === undefined ? Effect.void : output.aside(`${tokens.toLocaleString("en")} tokens`)
    }

    const onCaughtUp = Effect.gen(function* () {
      if (++attaches > 1) {
        const end = yield* reconciled(connected, turn)
        if (end !== undefined) yield* Deferred.complete(ended, end)
      }
      // No event reports that a turn waits for a free agent.
      const thread = yield* Effect.option(connected.millrace.thread(turn.threadId))
      const waiting = Option.getOrUndefined(thread)?.waiting
      if (waiting !== undefined) yield* output.progress(waiting.message)
    })

    const following = connected.millrace.follow({ stream: threadStream(turn.threadId), after: turn.cursor }).pipe(
      Stream.runForEach((frame) =>
        Effect.gen(function* () {
          if (frame._tag === "event") yield* onEvent(frame.event)
          else if (frame._tag === "signal") yield* onSignal(frame.signal)
          else if (frame._tag === "end") yield* Deferred.fail(ended, failed("The thread was deleted while the turn ran"))
          else if (frame._tag === "caught-up") yield* onCaughtUp
        })
      ),
      Effect.catchAll((error) =>
        Effect.gen(function* () {
          const end = error._tag === "OutputClosed" ? Effect.fail(error) : yield* reconciled(connected, turn)
          yield* Deferred.complete(ended, end ?? Effect.fail(error._tag === "OutputClosed" ? error : fromError(error)))
        })
      )
    )

    const signals = yield* ProcessSignals.listen(3)
    const stopping = Effect.gen(function* () {
      yield* Queue.take(signals)
      yield* output.note("Interrupting the turn. Press Ctrl-C again to leave without waiting.")
      yield* output.progress("interrupting")
      const command = yield* Client.command("turn.interrupt", { threadId: turn.threadId, turnId: turn.turnId })
      yield* connected.millrace.dispatch(command).pipe(
        Effect.catchAll((error) => output.note(`Cannot interrupt the turn: ${error.message}`)),
        Effect.fork
      )
      yield* Queue.take(signals)
      const followHint =
        connected.via === "server" ? ` The turn may still run. To follow it: millrace tail --thread ${turn.threadId}` : ""
      yield* Deferred.fail(ended, interrupted(`Left.${followHint}`))
    })

    yield* output.progress(`starting ${turn.provider}`)
    const fibers = [yield* Effect.fork(following), yield* Effect.fork(stopping)]
    const end = yield* Deferred.await(ended).pipe(
      Effect.exit,
      Effect.ensuring(Fiber.interruptAll(fibers)),
      Effect.ensuring(output.progress(undefined))
    )
    yield* transcript.end
    yield* end
  }).pipe(Effect.scoped)
