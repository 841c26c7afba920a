/**
 * A session of an editor: a follower of one thread, and the prompts that the editor sent. Updates are written in the order of the log, and a prompt is
 * answered after the updates of its turn. When the editor leaves, nothing of the thread ends.
 */
import type { AgentContext, PromptResponse, RequestError, SessionUpdate } from "@agentclientprotocol/sdk"
import { backoff } from "@millrace/client/Backoff"
import * as Client from "@millrace/client/Client"
import type { GivenAttachment } from "@millrace/contracts/Attachment"
import { defined } from "@millrace/contracts/Defined"
import { isTerminal, type LogEvent } from "@millrace/contracts/Event"
import type { Frame } from "@millrace/contracts/Frame"
import { type CommandId, type RequestId, type ThreadId, threadStream, type TurnId } from "@millrace/contracts/Ids"
import type { Ask } from "@millrace/contracts/Item"
import type { Millrace } from "@millrace/contracts/Millrace"
import type { TransportError } from "@millrace/client/TransportError"
import { Deferred, Effect, FiberMap, Option, type Scope, Stream } from "effect"
import * as Permission from "./Permission.ts"
import * as Refusal from "./Refusal.ts"
import * as Updates from "./Updates.ts"

export interface Session {
  /** Succeeds when the turn has ended. A prompt that is sent while a turn runs waits in the thread's queue. */
  readonly prompt: (text: string, attachments: ReadonlyArray<GivenAttachment>) => Effect.Effect<PromptResponse, RequestError>
  /** Interrupts the turns of the editor's open prompts; without one, the running turn. */
  readonly cancel: Effect.Effect<void, RequestError>
}

export interface Options {
  readonly millrace: Millrace<TransportError>
  readonly editor: AgentContext
  readonly threadId: ThreadId
  readonly cwd: string
  /** The cursor to follow after. Without one, the thread's events are read from the start. */
  readonly after?: string
  /** Whether the events before the head are emitted. */
  readonly history: boolean
}

interface OpenPrompt {
  /** Known when the server has accepted the prompt. */
  readonly turn: Deferred.Deferred<TurnId, RequestError>
  readonly answer: Deferred.Deferred<PromptResponse, RequestError>
}

/** Most permission requests that one session shows at the same time. Others stay open in the server. */
const maxAsked = 64

const isRetried = ({ _tag }: { readonly _tag: string }) => _tag === "Disconnected" || _tag === "ShuttingDown"

const turnIn = ({ data }: LogEvent): string | undefined =>
  data !== null && typeof data === "object" && "turnId" in data && typeof data.turnId === "string" ? data.turnId : undefined

/** Returns when the events up to the head were emitted. The follower ends with the scope. */
export const make = (options: Options): Effect.Effect<Session, RequestError, Scope.Scope> =>
  Effect.gen(function* () {
    const { after, cwd, editor, history, millrace, threadId } = options
    const updates = Updates.make(cwd, history)
    const prompts = new Map<string, OpenPrompt>()
    /** Turns of the prompts that are not answered yet, and their command ids. */
    const turns = new Map<string, string>()
    /** Requests that were opened before the head. */
    const earlier = new Map<RequestId, Ask>()
    const interrupts = new Set<string>()
    const asked = yield* FiberMap.make<RequestId>()
    const ready = yield* Deferred.make<void, RequestError>()
    let replaying = true
    /** Why the session can send no more updates. */
    let dead: RequestError | undefined
    /** A turn that a restart of the server cut off. Its work may continue in another turn, which then answers the prompt. */
    let planned: string | undefined
    let cutOff: { readonly turnId: string; readonly reason: string } | undefined

    const send = (all: ReadonlyArray<SessionUpdate>) =>
      Effect.forEach(
        all,
        // The connection is closed: then the whole program ends.
        (update) => Effect.ignore(Effect.tryPromise(() => editor.notify("session/update", { sessionId: threadId, update }))),
        { discard: true }
      )
    const settle = (turnId: string, answer: Effect.Effect<PromptResponse, RequestError>) =>
      Effect.suspend(() => {
        const commandId = turns.get(turnId)
        const prompt = commandId === undefined ? undefined : prompts.get(commandId)
        return prompt === undefined ? Effect.void : Effect.asVoid(Deferred.complete(prompt.answer, answer))
      })
    const dispatch = (command: Parameters<typeof millrace.dispatch>[0]) => Effect.mapError(millrace.dispatch(command), Refusal.of)

    /** Shows how to answer a request that the editor cannot answer, or did not. */
    const pointElsewhere = (requestId: RequestId, asking: Ask) => {
      const { content, title, toolCallId } = Permission.toolCallOf(cwd, requestId, asking)
      const how = {
        type: "content" as const,
        content: { type: "text" as const, text: `Answer with: millrace answer ${requestId}` }
      }
      const shown = { toolCallId, title, content: [...content, how], status: "pending" as const }
      return send([{ sessionUpdate: asking.itemId === undefined ? "tool_call" : "tool_call_update", ...shown }])
    }
    const ask = (requestId: RequestId, asking: Ask) =>
      Effect.gen(function* () {
        const permission = Permission.make(cwd, requestId, asking)
        if (permission === undefined) return yield* pointElsewhere(requestId, asking)
        // When another device answers first, the fiber is interrupted, and the SDK sends `$/cancel_request` to the editor.
        const given = yield* Effect.option(
          Effect.tryPromise((signal) =>
            editor.request(
              "session/request_permission",
              { sessionId: threadId, ...permission.request },
              { cancellationSignal: signal, stopWaitingOnCancel: true }
            )
          )
        )
        const outcome = Option.getOrUndefined(given)?.outcome
        const answer = outcome?.outcome === "selected" ? permission.answerOf(outcome.optionId) : undefined
        if (answer === undefined) {
          // An error, no answer, or an option that was not offered: the request stays open for other devices. An interrupt settles it.
          if (interrupts.size === 0) yield* pointElsewhere(requestId, asking)
          return
        }
        const command = yield* Client.command("request.answer", answer)
        // The editor asks only once: an answer that is given while the server restarts is sent until the server has it.
        yield* Effect.retry(millrace.dispatch(command), { schedule: backoff, while: isRetried })
      }).pipe(
        Effect.catchAll((error) => Effect.logDebug(`Request ${requestId} stays open: ${error.message}`)),
        FiberMap.run(asked, requestId),
        Effect.asVoid
      )
    const askWhenPossible = (requestId: RequestId, asking: Ask) =>
      Effect.flatMap(FiberMap.size(asked), (size) => (size < maxAsked ? ask(requestId, asking) : Effect.void))

    const requests = (event: LogEvent): Effect.Effect<void> => {
      const opened = Updates.dataOf(event, "request.opened")
      if (opened !== undefined && opened.rule === undefined) {
        if (!replaying) return askWhenPossible(opened.requestId, opened)
        earlier.set(opened.requestId, opened)
      }
      const settled =
        Updates.dataOf(event, "request.answered") ??
        Updates.dataOf(event, "request.expired") ??
        Updates.dataOf(event, "request.cancelled") ??
        Updates.dataOf(event, "request.repeated")
      if (settled === undefined) return Effect.void
      earlier.delete(settled.requestId)
      return FiberMap.remove(asked, settled.requestId)
    }

    const endOf = (event: LogEvent, turnId: string): Effect.Effect<void> => {
      const wasRequested = interrupts.delete(turnId)
      if (event.type === "turn.completed") return settle(turnId, Effect.succeed({ stopReason: "end_turn" }))
      if (event.type === "turn.interrupted") {
        if (wasRequested) return settle(turnId, Effect.succeed({ stopReason: "cancelled" }))
        cutOff = { turnId, reason: Updates.dataOf(event, "turn.interrupted")?.reason ?? "The turn was interrupted." }
        return Effect.void
      }
      // Never `refusal`: an editor then takes the prompt out of the conversation, and the thread keeps it.
      return settle(turnId, Effect.fail(Refusal.failed(Updates.dataOf(event, "turn.failed")?.error)))
    }
    const continued = (event: LogEvent): Effect.Effect<void> => {
      planned = Updates.dataOf(event, "continuation.planned")?.turnId ?? planned
      if (cutOff === undefined) return Effect.void
      const { reason, turnId } = cutOff
      const requested = Updates.dataOf(event, "turn.requested")
      if (requested?.continues?.turnId === turnId) {
        const commandId = turns.get(turnId)
        if (commandId !== undefined) turns.set(requested.turnId, commandId)
        cutOff = undefined
        return Effect.void
      }
      if (Updates.dataOf(event, "continuation.cancelled")?.turnId !== turnId && !isTerminal(event.type)) return Effect.void
      return noContinuation(turnId, reason)
    }
    const noContinuation = (turnId: string, reason: string) =>
      Effect.suspend(() => {
        cutOff = undefined
        return settle(turnId, Effect.fail(Refusal.interrupted(reason)))
      })

    const onEvent = (event: LogEvent) =>
      Effect.gen(function* () {
        yield* continued(event)
        const turnId = turnIn(event)
        if (
          event.type === "turn.requested" &&
          turnId !== undefined &&
          event.commandId !== undefined &&
          prompts.has(event.commandId)
        )
          turns.set(turnId, event.commandId)
        if (event.type === "turn.interrupt.requested" && turnId !== undefined) {
          if (Updates.dataOf(event, "turn.interrupt.requested")?.reason === undefined) interrupts.add(turnId)
        }
        yield* send(updates.event(event, (id) => turns.has(id)))
        yield* requests(event)
        if (isTerminal(event.type) && turnId !== undefined) yield* endOf(event, turnId)
      })
    const onFrame = (frame: Frame): Effect.Effect<void> => {
      switch (frame._tag) {
        case "event":
          return onEvent(frame.event)
        case "caught-up":
        case "heartbeat":
          return Effect.gen(function* () {
            if (cutOff !== undefined && cutOff.turnId !== planned) yield* noContinuation(cutOff.turnId, cutOff.reason)
            if (frame._tag === "heartbeat" || !replaying) return
            replaying = false
            yield* send(updates.caughtUp())
            yield* Deferred.succeed(ready, undefined)
            yield* Effect.forEach(earlier, ([requestId, asking]) => askWhenPossible(requestId, asking), { discard: true })
            earlier.clear()
          })
        case "end":
          return over(Refusal.ended(threadId, frame.reason))
        default:
          return Effect.void
      }
    }
    /** The thread can have no more events for this session. */
    const over = (error: RequestError) =>
      Effect.gen(function* () {
        dead = error
        yield* Deferred.fail(ready, error)
        for (const { answer } of prompts.values()) yield* Deferred.fail(answer, error)
      })
    yield* Effect.addFinalizer(() => over(Refusal.ended(threadId, "the session was closed or loaded again")))

    yield* millrace.follow({ stream: threadStream(threadId), ...defined({ after }) }).pipe(
      Stream.runForEach(onFrame),
      Effect.catchAll((error) => over(Refusal.of(error))),
      Effect.forkScoped
    )
    yield* Deferred.await(ready)

    const forget = (commandId: CommandId) =>
      Effect.sync(() => {
        prompts.delete(commandId)
        for (const [turnId, of] of turns) if (of === commandId) turns.delete(turnId)
      })
    const prompt: Session["prompt"] = (text, attachments) =>
      Effect.gen(function* () {
        if (dead !== undefined) return yield* Effect.fail(dead)
        const body = { threadId, text, ...(attachments.length === 0 ? {} : { attachments }) }
        const command = yield* Client.command("turn.start", body)
        const { commandId } = command
        const turn = yield* Deferred.make<TurnId, RequestError>()
        const answer = yield* Deferred.make<PromptResponse, RequestError>()
        prompts.set(commandId, { turn, answer })
        const accepted = Effect.flatMap(dispatch(command), ({ turnId }) =>
          turnId === undefined ? Effect.fail(Refusal.oldServer) : Effect.succeed(turnId)
        )
        return yield* Deferred.complete(turn, accepted).pipe(
          Effect.zipRight(Deferred.await(turn)),
          Effect.zipRight(Deferred.await(answer)),
          Effect.ensuring(forget(commandId))
        )
      })
    const interrupt = (turnId?: TurnId) =>
      Effect.flatMap(Client.command("turn.interrupt", { threadId, ...defined({ turnId }) }), dispatch)
    const cancel = Effect.suspend(() => {
      const open = [...prompts.values()].toReversed()
      if (open.length === 0) return Effect.asVoid(interrupt())
      return Effect.forEach(open, ({ turn }) => Effect.flatMap(Deferred.await(turn), interrupt), { discard: true })
    })
    return { prompt, cancel }
  })
