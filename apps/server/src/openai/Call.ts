/**
 * One call is one turn of a thread: what is asked becomes a command, and what the turn does is followed to an end that is read from state
 * (D13). A caller that hangs up cancels nothing (D11), unless it asked for that with `X-Millrace-On-Disconnect: interrupt`.
 */
import { mkdirSync } from "node:fs"
import { isAbsolute, join } from "node:path"
import { randomUUID } from "node:crypto"
import type { HttpServerRequest } from "@effect/platform"
import { Clock, Effect, type Either, Schema, type Scope } from "effect"
import { type Accepted, type Command, PromptText } from "@millrace/contracts/Command"
import { CommandId, ThreadId, type TurnId } from "@millrace/contracts/Ids"
import type { TurnView } from "@millrace/contracts/State"
import { EventLog } from "@millrace/log/EventLog"
import type { Addressed } from "@millrace/orchestration/StreamReconciler"
import { Session } from "../auth/Session.ts"
import { unavailable } from "../http/Events.ts"
import { Service } from "../Service.ts"
import { words } from "../Thrown.ts"
import type { Asked } from "./Asked.ts"
import { Failure, fromWire, invalid } from "./Failure.ts"
import * as Prompt from "./Prompt.ts"

export interface Call {
  readonly asked: Asked
  readonly turn: Addressed
  /** Seconds since 1970. */
  readonly createdAt: number
  /** `X-Millrace-Thread`, `X-Millrace-Turn`. */
  readonly headers: Readonly<Record<string, string>>
  /** From here on a connection that ends is no hang-up. */
  readonly over: () => void
}

/** Ids of answers name their turn, so that an answer can be continued. */
export const responseId = (turnId: TurnId): string => `resp_${turnId.slice("trn_".length)}`
const turnOfResponse = (id: string): string => `trn_${id.slice("resp_".length)}`

interface Target {
  readonly provider: string
  readonly model: string | undefined
}

/** `provider` or `provider/model`; the model's own name may hold slashes. */
export const parseModel = (model: string): Target => {
  const slash = model.indexOf("/")
  return slash < 0
    ? { provider: model, model: undefined }
    : { provider: model.slice(0, slash), model: model.slice(slash + 1) || undefined }
}

const isThread = Schema.is(ThreadId)
const isCommandId = Schema.is(CommandId)
const decodePrompt = Schema.decodeOption(PromptText)

type Headers = HttpServerRequest.HttpServerRequest["headers"]

/** The thread that the call continues: named by the header, or by the answer before. */
const threadOf = (headers: Headers, asked: Asked) =>
  Effect.gen(function* () {
    const named = headers["x-millrace-thread"]
    if (named !== undefined) {
      if (isThread(named)) return named
      return yield* invalid("X-Millrace-Thread", "expected a thread id, like thr_01HXYZ", "thread_not_found", 404)
    }
    const { previous } = asked
    if (previous === undefined) return undefined
    const log = yield* EventLog
    const row = yield* Effect.mapError(
      log.view((view) => view.row("turn", turnOfResponse(previous))?.value as TurnView | undefined),
      (error) => fromWire(unavailable(error))
    )
    if (row !== undefined && previous.startsWith("resp_")) return row.threadId
    return yield* invalid(
      "previous_response_id",
      "There is no such response here. Leave it out to begin anew.",
      "previous_response_not_found",
      404
    )
  })

/** A continued thread keeps its agent. */
const checkTarget = (threadId: ThreadId, target: Target) =>
  Effect.gen(function* () {
    const thread = yield* Effect.mapError((yield* Service).thread(threadId), (error) =>
      error._tag === "NotFound" ? invalid("X-Millrace-Thread", error.message, "thread_not_found", 404) : fromWire(error)
    )
    if (thread.provider === target.provider && (target.model === undefined || target.model === thread.model)) return
    const its = thread.model === undefined ? thread.provider : `${thread.provider}/${thread.model}`
    return yield* invalid("model", `This thread is run by ${its}. Send that as model, or begin a new thread.`, "model_mismatch")
  })

/** Where calls work that name no directory: one for all, so that a repeated call is the same command. */
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
        message: `The scratch directory cannot be made: ${words(cause)}. Name a directory with X-Millrace-Cwd.`,
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

const onDisconnect = (headers: Headers): Effect.Effect<boolean, Failure> => {
  const wanted = headers["x-millrace-on-disconnect"]
  if (wanted === undefined || wanted === "continue") return Effect.succeed(false)
  return wanted === "interrupt"
    ? Effect.succeed(true)
    : invalid("X-Millrace-On-Disconnect", "expected interrupt, or continue, which is the default")
}

const commandOf = (headers: Headers, asked: Asked, dataDir: string) =>
  Effect.gen(function* () {
    const target = parseModel(asked.model)
    const threadId = yield* threadOf(headers, asked)
    const prompt = yield* Prompt.make(asked.said, threadId !== undefined)
    const text = yield* Effect.mapError(decodePrompt(prompt.text), () =>
      invalid(
        "messages",
        `The prompt is ${prompt.text.length} characters long, at most 131072 can be handed over. Put long text into a file of the agent's directory.`,
        "context_length_exceeded"
      )
    )
    const id = yield* commandId(headers)
    if (threadId !== undefined) {
      yield* checkTarget(threadId, target)
      return { commandId: id, type: "turn.start", threadId, text } satisfies Command
    }
    const cwd = yield* directoryOf(headers, dataDir)
    return {
      commandId: id,
      type: "thread.create",
      provider: target.provider,
      cwd,
      turn: { text },
      ...(target.model !== undefined && { model: target.model }),
      ...(prompt.title !== undefined && { title: prompt.title })
    } satisfies Command
  })

const addressed = (command: Command, accepted: Accepted): Effect.Effect<Addressed> => {
  const threadId = accepted.threadId ?? ("threadId" in command ? command.threadId : undefined)
  return threadId === undefined || accepted.turnId === undefined
    ? Effect.dieMessage(`${command.type} was accepted without a turn`)
    : Effect.succeed({ threadId, turnId: accepted.turnId, offset: accepted.offset })
}

/**
 * Makes the turn. The command is carried through whatever the caller does (D11); from then on, and until `over`, the end of the request is
 * a hang-up.
 */
export const begin = (
  request: HttpServerRequest.HttpServerRequest,
  asked: Either.Either<Asked, Failure>,
  options: { readonly dataDir: string }
): Effect.Effect<Call, Failure, Service | EventLog | Session | Scope.Scope> =>
  Effect.gen(function* () {
    const service = yield* Service
    const { actor } = yield* Session
    const { headers } = request
    const wanted = yield* asked
    const interrupts = yield* onDisconnect(headers)
    const command = yield* commandOf(headers, wanted, options.dataDir)
    const state = { over: false }
    const turn = yield* service.dispatch(command, actor).pipe(
      Effect.mapError(fromWire),
      Effect.flatMap((accepted) => addressed(command, accepted)),
      Effect.tap(({ threadId, turnId }) =>
        interrupts
          ? Effect.addFinalizer(() => (state.over ? Effect.void : interrupt(service, threadId, turnId, actor)))
          : Effect.void
      ),
      Effect.uninterruptible
    )
    return {
      asked: wanted,
      turn,
      createdAt: Math.floor((yield* Clock.currentTimeMillis) / 1000),
      headers: { "x-millrace-thread": turn.threadId, "x-millrace-turn": turn.turnId },
      over: () => {
        state.over = true
      }
    }
  })

const interrupt = (service: Service["Type"], threadId: ThreadId, turnId: TurnId, actor: string) =>
  Effect.suspend(() =>
    service.dispatch({ commandId: CommandId.make(`cmd_${randomUUID()}`), type: "turn.interrupt", threadId, turnId }, actor)
  ).pipe(
    Effect.asVoid,
    // A server that goes down ends its turns itself.
    Effect.catchAll((error) =>
      error._tag === "ShuttingDown"
        ? Effect.void
        : Effect.logWarning(`A caller left, and its turn could not be interrupted: ${error.message}`)
    )
  )
