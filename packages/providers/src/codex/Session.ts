/** A session on one `codex app-server`: sends commands to its native thread, and maps its messages through `Mapping` and `Normaliser`. */
import { ProviderError, type OpenInput, type ProviderSession } from "@millrace/contracts/ProviderAdapter"
import { maxBlobBytes } from "@millrace/contracts/Blob"
import { defined } from "@millrace/contracts/Defined"
import type { TurnId } from "@millrace/contracts/Ids"
import type { TurnAction } from "@millrace/contracts/State"
import * as Permits from "@millrace/contracts/Permits"
import { Deferred, Effect, Schedule, type Scope } from "effect"
import * as Images from "../Images.ts"
import * as McpServers from "../McpServers.ts"
import * as Normaliser from "../Normaliser.ts"
import type { Ledger } from "../process/Ledger.ts"
import { methodNotFound, requestKey } from "../process/Message.ts"
import * as RpcChild from "../process/RpcChild.ts"
import * as Session from "../Session.ts"
import * as Turns from "../Turns.ts"
import * as Conversation from "./Conversation.ts"
import * as LiveSettings from "./LiveSettings.ts"
import * as RunningWork from "./RunningWork.ts"
import * as Mapping from "./Mapping.ts"
import * as Process from "./Process.ts"

export const capabilities = [
  "steer",
  "interrupt",
  "approvals",
  "questions",
  "resume",
  "fork",
  "fork-at",
  "plan",
  "diff",
  "usage",
  "images",
  "compact",
  "review",
  "set-model",
  "set-effort",
  "set-permission-mode"
] as const

/** The error code that Codex itself uses for a stale request. */
const overtaken = -32600
/** Deadline of an interrupt before the caller escalates, and the retries of one that Codex refused because the turn had not begun. */
const interruptMillis = 10_000
const beginsWithin = { tries: 40, everyMillis: 25 }
/** Deadline from the answer to a compaction to the start of its turn; normally it starts at once. */
const beginsMillis = 10_000
/** Deadlines before a stop closes stdin: of the interrupt's answer, and of the terminal that follows it. */
const stopMillis = { interrupt: 1500, terminal: 500 }

const refused = (operation: string, message: string) =>
  new ProviderError({ provider: "codex", operation, outcome: "failed", failure: { kind: "refused", message } })

const neverBegan = new ProviderError({
  provider: "codex",
  operation: "thread/compact/start",
  outcome: "unknown",
  failure: { kind: "transport", message: `Codex accepted the compaction but did not begin it within ${beginsMillis / 1000} s.` }
})

/** Starts Codex and its native thread. The process lives in the scope. */
export const open = Effect.fn("Codex.open")(function* (
  input: OpenInput,
  options: Process.CodexOptions,
  binary: string
): Effect.fn.Return<ProviderSession, ProviderError, Scope.Scope | Ledger> {
  const child = yield* RpcChild.open({
    provider: "codex",
    command: binary,
    args: Process.args(options),
    cwd: input.cwd,
    env: Process.environment({ ...options, env: { ...options.env, ...input.env } }, process.env),
    secrets: McpServers.secrets(input),
    threadId: input.threadId,
    epoch: input.epoch,
    install: Process.missing(options, process.env),
    dialect: "bare"
  })
  const begun = yield* Effect.zipRight(Conversation.handshake(child), Conversation.begin(child, input, options)).pipe(
    Effect.tapError(() => child.stop("its start failed"))
  )
  const threadId = begun.nativeThreadId
  const normaliser = Normaliser.make(input)
  const mapping = Mapping.make(threadId)
  const live = RunningWork.make()
  const settings = LiveSettings.make(child, input, begun)
  const turns = Turns.make()
  /** Turns whose start request is not answered yet. */
  const starting = new Map<TurnId, Deferred.Deferred<void>>()
  /** A requested compaction, completed with the native turn id at the next turn start: the answer does not name the turn. */
  let compaction: Deferred.Deferred<string> | undefined

  const session = yield* Session.make({
    child,
    normaliser,
    isOpen: (id) => live.isWaiting(requestKey(id)),
    map: (message) => {
      if (message._tag === "Notification") {
        const events = mapping.notification(message.method, message.params)
        live.note(events)
        turns.note(events)
        const began = compaction && events.find((event) => event._tag === "TurnStarted")
        if (compaction && began) Deferred.unsafeDone(compaction, Effect.succeed(began.nativeTurnId))
        const left = events.some((event) => event._tag === "TurnEnded") ? live.takeForeign() : []
        const cancel = ({ id, result }: RunningWork.Waiting) => child.respond(id, result({ decision: "cancel" }))
        return left.length === 0 ? { events } : { events, reply: Effect.forEach(left, cancel, { discard: true }) }
      }
      const { id, method } = message
      const { answer, events, foreign = false, nativeRequestId } = mapping.request(id, method, message.params)
      if (answer === undefined)
        return { events, reply: child.respondError(id, methodNotFound, `Millrace does not know the method ${method}`) }
      live.wait(nativeRequestId, { id, result: answer, foreign })
      const tooLate = Effect.suspend(() =>
        live.take(nativeRequestId) ? child.respondError(id, overtaken, "The turn has ended: no person was asked.") : Effect.void
      )
      return { events, tooLate }
    }
  })
  if (begun.lost) yield* session.add([{ _tag: "ConversationLost", ...begun.lost }])

  /** Interrupts a turn. Retries while Codex reports that it does not run, as before its start; stops when it has ended. */
  const interruptNative = (nativeTurnId: string, still: () => boolean, deadlineMillis: number) =>
    Effect.suspend(() => Conversation.interrupt(child, threadId, mapping.runsAs(nativeTurnId), deadlineMillis)).pipe(
      Effect.flatMap((stopped) =>
        stopped || !still() ? Effect.void : Effect.fail(refused("turn/interrupt", "Codex reports that no turn runs."))
      ),
      Effect.retry({
        while: (error) => error.failure.kind === "refused" && still(),
        times: beginsWithin.tries,
        schedule: Schedule.spaced(beginsWithin.everyMillis)
      })
    )

  /** Starts an action; returns its native turn id. */
  const startAction = (action: TurnAction) =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<string>()
      if (action.type === "compact") compaction = begun
      const named = yield* Conversation.startAction(child, threadId, action)
      return named ?? (yield* Effect.timeoutFail(Deferred.await(begun), { duration: beginsMillis, onTimeout: () => neverBegan }))
    }).pipe(Effect.ensuring(Effect.sync(() => (compaction = undefined))))

  const stopping = Permits.make(1)
  return {
    events: session.events,
    continuity: begun.continuity,
    resumeKey: threadId,
    capabilities,
    // Codex makes an image smaller if it is too large for the model.
    takes: (attachment) => Images.isImage(attachment, maxBlobBytes),
    configure: Effect.fn("Codex.configure")((changed) => settings.configure(changed)),
    startTurn: Effect.fn("Codex.startTurn")(function* (turn) {
      const answered = yield* Deferred.make<void>()
      starting.set(turn.turnId, answered)
      normaliser.expectTurn(turn.turnId)
      const { action } = turn
      const start = action === undefined ? Conversation.startTurn(child, threadId, turn, settings.turn()) : startAction(action)
      const nativeTurnId = yield* start.pipe(
        Effect.tapError((error) => Effect.sync(() => error.outcome === "failed" && normaliser.refuseTurn(turn.turnId))),
        Effect.tap((native) => session.bindTurn(turn.turnId, native)),
        Effect.ensuring(
          Effect.zipRight(
            Effect.sync(() => starting.delete(turn.turnId)),
            Deferred.succeed(answered, undefined)
          )
        )
      )
      yield* Effect.annotateCurrentSpan({ nativeTurnId })
    }),
    steer: Effect.fn("Codex.steer")(function* ({ attachments, text, turnId }) {
      const native = normaliser.nativeTurnOf(turnId)
      if (native === undefined) return yield* refused("turn/steer", "That turn does not run.")
      yield* Conversation.steer(child, threadId, native, { text, ...defined({ attachments }) })
    }),
    interrupt: Effect.fn("Codex.interrupt")(function* (turnId) {
      normaliser.interrupting(turnId)
      const pending = starting.get(turnId)
      if (pending) yield* Deferred.await(pending)
      const native = normaliser.nativeTurnOf(turnId)
      if (native === undefined) return
      yield* interruptNative(native, () => normaliser.nativeTurnOf(turnId) === native, interruptMillis)
      const left = live.commandsOf(native)
      if (left.size > 0)
        yield* Conversation.terminateCommands(child, threadId, left).pipe(
          Effect.catchAll((error) => Effect.logDebug(error.message))
        )
    }),
    answer: Effect.fn("Codex.answer")(function* (requestId, answer) {
      const native = normaliser.answered(requestId)
      const request = native === undefined ? undefined : live.take(native)
      if (request) yield* child.respond(request.id, request.result(answer))
    }),
    stop: (reason) =>
      stopping(
        // Codex does not report the end of its turn on end of stdin or on a signal (measured).
        Effect.zipRight(
          turns.settle(
            (native) => Conversation.interrupt(child, threadId, mapping.runsAs(native), stopMillis.interrupt),
            stopMillis.terminal
          ),
          child.stop(reason)
        )
      )
  }
})
