/**
 * One call is one turn of a thread: the call becomes a command, and its turn is followed to an end that is read from state (D13). A caller that
 * disconnects cancels nothing (D11), unless it sent `X-Millrace-On-Disconnect: interrupt`.
 */
import { defined } from "@millrace/contracts/Defined"
import { mkdirSync } from "node:fs"
import { isAbsolute, join } from "node:path"
import { randomUUID } from "node:crypto"
import type { HttpServerRequest } from "@effect/platform"
import { Clock, Effect, type Either, Schema, type Scope } from "effect"
import type { GivenAttachment } from "@millrace/contracts/Attachment"
import { type Accepted, type Command, PromptText } from "@millrace/contracts/Command"
import { CommandId, type ThreadId, type TurnId } from "@millrace/contracts/Ids"
import type { EventLog } from "@millrace/log/EventLog"
import type { AcceptedTurn } from "@millrace/orchestration/streams/StreamReconciler"
import { Session } from "../auth/Session.ts"
import { Service } from "../Service.ts"
import { messageOf } from "../NodeError.ts"
import type { CompletionRequest } from "./CompletionRequest.ts"
import * as Attachments from "./Attachments.ts"
import * as ContinuedThread from "./ContinuedThread.ts"
import { Failure, fromWire, invalid } from "./Failure.ts"
import { headerOf } from "./IgnoredFields.ts"
import type { ThreadMutex } from "./ThreadMutex.ts"
import * as Prompt from "./Prompt.ts"

export interface TurnCall {
  readonly request: CompletionRequest
  readonly turn: AcceptedTurn
  /** Seconds since 1970. */
  readonly createdAt: number
  /** `X-Millrace-Thread`, `X-Millrace-Turn`. */
  readonly headers: Readonly<Record<string, string>>
  /** Leave out items of Millrace's own types, which the client does not accept. */
  readonly plain: boolean
  /** Call it at the end of the answer. A connection that ends afterwards does not count as a disconnect. */
  readonly markAnswered: () => void
}

const isCommandId = Schema.is(CommandId)
const decodePrompt = Schema.decodeOption(PromptText)

type Headers = HttpServerRequest.HttpServerRequest["headers"]

/** The directory for calls that name none. All share it, so that a repeated call is the same command. */
const scratch = (dataDir: string) =>
  Effect.try({
    try: () => {
      const path = join(dataDir, "scratch")
      mkdirSync(path, { recursive: true, mode: 0o700 })
      return path
    },
    catch: (cause) =>
      new Failure({
        status: 500,
        type: "server_error",
        code: "scratch_unusable",
        param: null,
        message: `Cannot create the scratch directory: ${messageOf(cause)}. Name a directory with X-Millrace-Cwd.`,
        retry: false
      })
  })

const directoryOf = (headers: Headers, dataDir: string) => {
  const named = headers["x-millrace-cwd"]
  if (named === undefined) return scratch(dataDir)
  return isAbsolute(named)
    ? Effect.succeed(named)
    : invalid("X-Millrace-Cwd", "expected the absolute path of a directory on the server", "directory_not_found")
}

const commandId = (headers: Headers): Effect.Effect<CommandId, Failure> => {
  const key = headers["idempotency-key"]
  if (key === undefined) return Effect.sync(() => CommandId.make(`cmd_${randomUUID()}`))
  return isCommandId(key)
    ? Effect.succeed(key)
    : invalid("Idempotency-Key", "expected 1 to 200 printable ASCII characters without spaces")
}

/**
 * The AI SDK's client for OpenAI rejects an answer with one item of an unknown type, so it receives no items of Millrace's types. Other clients request
 * the same with `X-Millrace-Items: plain`.
 */
const isPlain = (headers: Headers): boolean =>
  (headers["x-millrace-items"] ?? (/\bai-sdk\//.test(headers["user-agent"] ?? "") ? "plain" : "all")) === "plain"

const onDisconnect = (headers: Headers): Effect.Effect<boolean, Failure> => {
  const wanted = headers["x-millrace-on-disconnect"]
  if (wanted === undefined || wanted === "continue") return Effect.succeed(false)
  return wanted === "interrupt"
    ? Effect.succeed(true)
    : invalid("X-Millrace-On-Disconnect", "expected interrupt or continue (the default)")
}

/** A turn without text needs attachments. */
const promptOf = (text: string, attachments: ReadonlyArray<GivenAttachment>) =>
  text === "" && attachments.length > 0
    ? Effect.succeed({ text, attachments })
    : Effect.mapBoth(decodePrompt(text), {
        onSuccess: (text) => ({ text, ...(attachments.length === 0 ? {} : { attachments }) }),
        onFailure: () =>
          invalid(
            "messages",
            `The prompt has ${text.length} characters; the limit is 131072. Put long text into a file in the agent's directory.`,
            "context_length_exceeded"
          )
      })

interface Place {
  readonly id: CommandId
  readonly threadId: ThreadId | undefined
  /** The turn of this command, if it was accepted before. */
  readonly earlierTurn: TurnId | undefined
}

const commandOf = (headers: Headers, asked: CompletionRequest, { earlierTurn, id, threadId }: Place, dataDir: string) =>
  Effect.gen(function* () {
    const target = ContinuedThread.parseModel(asked.model)
    const prompt = yield* Prompt.make(asked.messages, threadId !== undefined)
    const { attachments, note } = yield* Attachments.upload(prompt.files)
    if (threadId !== undefined) {
      yield* ContinuedThread.checkTarget(threadId, target)
      const text = yield* ContinuedThread.textOf(threadId, prompt, earlierTurn)
      const turn = yield* promptOf(`${text}${note}`, attachments)
      return { commandId: id, type: "turn.start", threadId, ...turn } satisfies Command
    }
    const turn = yield* promptOf(`${prompt.text}${note}`, attachments)
    const cwd = yield* directoryOf(headers, dataDir)
    return {
      commandId: id,
      type: "thread.create",
      provider: target.provider,
      cwd,
      turn,
      // With store: false the answer cannot be continued, so the agent ends with the turn.
      ...(!asked.store && { keepSession: false }),
      ...defined({ model: target.model, title: prompt.title })
    } satisfies Command
  })

const noEarlierTurn = Effect.as(Effect.void, undefined)

/** The turn of this command, if it was accepted before: a repeated call starts no second turn. */
const earlierTurnOf = (service: Service["Type"], headers: Headers, id: CommandId) =>
  headers["idempotency-key"] === undefined
    ? noEarlierTurn
    : service.commandStatus(id).pipe(
        Effect.map((known) => (known.status === "accepted" ? known.turnId : undefined)),
        Effect.catchTag("NotFound", () => noEarlierTurn),
        Effect.mapError(fromWire)
      )

const addressed = (command: Command, accepted: Accepted): Effect.Effect<AcceptedTurn> => {
  const threadId = accepted.threadId ?? ("threadId" in command ? command.threadId : undefined)
  return threadId === undefined || accepted.turnId === undefined
    ? Effect.dieMessage(`${command.type} was accepted without a turn`)
    : Effect.succeed({ threadId, turnId: accepted.turnId, offset: accepted.offset })
}

/**
 * Starts the turn. The dispatch of the command completes even if the caller disconnects (D11). From then on, and until `markAnswered` is called, the end of the request
 * counts as a disconnect.
 */
export const begin = (
  request: HttpServerRequest.HttpServerRequest,
  asked: Either.Either<CompletionRequest, Failure>,
  options: { readonly dataDir: string; readonly locks: ThreadMutex }
): Effect.Effect<TurnCall, Failure, Service | EventLog | Session | Scope.Scope> =>
  Effect.gen(function* () {
    const service = yield* Service
    const { actor } = yield* Session
    const { headers } = request
    const completion = yield* asked
    const interrupts = yield* onDisconnect(headers)
    const id = yield* commandId(headers)
    const threadId = yield* ContinuedThread.threadOf(headers["x-millrace-thread"], completion.previous)
    const state = { isAnswered: false }
    const accept = Effect.gen(function* () {
      const earlierTurn = yield* earlierTurnOf(service, headers, id)
      if (threadId !== undefined && completion.previous !== undefined && earlierTurn === undefined)
        yield* ContinuedThread.checkNewest(threadId, completion.previous)
      const command = yield* commandOf(headers, completion, { id, threadId, earlierTurn }, options.dataDir)
      return yield* addressed(command, yield* Effect.mapError(service.dispatch(command, actor), fromWire))
    })
    // The lock prevents another call from changing the thread between the checks and the dispatch.
    const turn = yield* (threadId === undefined ? accept : options.locks.withLock(threadId, accept)).pipe(
      Effect.tap(({ threadId, turnId }) =>
        interrupts
          ? Effect.addFinalizer(() => (state.isAnswered ? Effect.void : interrupt(service, threadId, turnId, actor)))
          : Effect.void
      ),
      Effect.uninterruptible
    )
    return {
      request: completion,
      turn,
      createdAt: Math.floor((yield* Clock.currentTimeMillis) / 1000),
      headers: { "x-millrace-thread": turn.threadId, "x-millrace-turn": turn.turnId, ...headerOf(completion) },
      plain: isPlain(headers),
      markAnswered: () => {
        state.isAnswered = true
      }
    }
  })

const interrupt = (service: Service["Type"], threadId: ThreadId, turnId: TurnId, actor: string) =>
  Effect.suspend(() =>
    service.dispatch({ commandId: CommandId.make(`cmd_${randomUUID()}`), type: "turn.interrupt", threadId, turnId }, actor)
  ).pipe(
    Effect.asVoid,
    // A server that shuts down ends its turns itself.
    Effect.catchAll((error) =>
      error._tag === "ShuttingDown"
        ? Effect.void
        : Effect.logWarning(`Cannot interrupt the turn of a caller that disconnected: ${error.message}`)
    )
  )
