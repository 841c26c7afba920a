/**
 * A session with a stateless endpoint: the conversation is read from the log when the session opens, and kept here. There is no
 * process. An HTTP request runs in the session's scope. It ends with its answer, when its turn is interrupted, or when the session closes.
 */
import { defined } from "@millrace/contracts/Defined"
import { cut } from "@millrace/contracts/Text"
import type { TurnId } from "@millrace/contracts/Ids"
import type { Answer, Failure } from "@millrace/contracts/Item"
import { type OpenInput, ProviderError, type ProviderSession } from "@millrace/contracts/ProviderAdapter"
import type { Settable } from "@millrace/contracts/Settable"
import { Cause, Chunk, Deferred, Effect, Exit, Fiber, Option, type Scope, Stream } from "effect"
import type { NativeEvent } from "../NativeEvent.ts"
import * as Images from "../Images.ts"
import * as Normaliser from "../Normaliser.ts"
import * as Inbox from "../process/Inbox.ts"
import type { Endpoint, OpenAiOptions } from "./Endpoint.ts"
import * as PastImages from "./PastImages.ts"
import * as Transcript from "./Transcript.ts"
import * as Turn from "./Turn.ts"

export const capabilities = ["interrupt", "resume", "questions", "usage", "images"] as const

/** Maximum bytes of an image, and of a text file, that a prompt can contain. */
const maxBytes = { image: 10 * 1024 * 1024, text: 128 * 1024 }

export const settable: Settable = { settings: new Set(["model", "effort", "instructions"]), permissionModes: new Set() }

const bounds = { items: 1024, bytes: 4 * 1024 * 1024 }
const defaultHistory = { turns: 200, bytes: 256 * 1024 }

const size = (event: NativeEvent): number => (event._tag === "ItemDelta" ? event.text.length : 256)

/** The thread's model, otherwise the configured model, otherwise the only model that the endpoint lists. */
const modelOf = (input: OpenInput, options: OpenAiOptions, endpoint: Endpoint): Effect.Effect<string, Failure> => {
  const named = input.model ?? options.model
  if (named !== undefined) return Effect.succeed(named)
  return Effect.flatMap(endpoint.models, (models = []) => {
    const [only] = models
    if (only !== undefined && models.length === 1) return Effect.succeed(only)
    const available = models.length === 0 ? "It lists none." : `It has: ${models.slice(0, 20).join(", ")}.`
    return Effect.fail<Failure>({
      kind: "refused",
      message: `No model is named. Name one as ${options.name}/MODEL, or as "model" in the configuration. ${available}`
    })
  })
}

/** Opens the session. When `open` returns, the session accepts a turn. */
export const open = Effect.fn("OpenAi.open")(function* (
  input: OpenInput,
  options: OpenAiOptions,
  endpoint: Endpoint
): Effect.fn.Return<ProviderSession, ProviderError, Scope.Scope> {
  const scope = yield* Effect.scope
  const failed = (operation: string, failure: Failure) =>
    new ProviderError({ provider: options.name, operation, outcome: "failed", failure })
  const model = yield* Effect.mapError(modelOf(input, options, endpoint), (failure) => failed("open", failure))
  const bytes = options.historyBytes ?? defaultHistory.bytes
  const history = input.history && (yield* input.history({ turns: options.historyTurns ?? defaultHistory.turns, bytes }))
  const transcript = Transcript.make(bytes, history, yield* PastImages.read(options.name, history))
  const { effort, instructions: added } = input.settings ?? {}
  const instructions = [options.instructions, added].filter((text) => text !== undefined).join("\n\n") || undefined
  const normaliser = Normaliser.make(input)
  const inbox = Inbox.make<NativeEvent>(bounds)
  const openRequests = new Map<string, Deferred.Deferred<Answer>>()
  let running: { readonly turnId: TurnId; readonly fiber: Fiber.RuntimeFiber<unknown> } | undefined
  let ended: string | undefined
  let reportedLeftOut = 0

  const emit = (events: ReadonlyArray<NativeEvent>) => {
    for (const event of events) inbox.offer(event, size(event))
  }
  if (history !== undefined && history.turns.length > 0) {
    const { cutBytes, earlier, turns } = history
    emit([
      {
        _tag: "Opaque",
        method: "millrace/history-replayed",
        payload: { turns: turns.length, from: turns[0]?.turnId, earlier, cutBytes, leftOut: transcript.leftOut() }
      }
    ])
    reportedLeftOut = transcript.leftOut()
  }

  const terminal = (turnId: TurnId, exit: Exit.Exit<Turn.Over, Failure>): NativeEvent => {
    const common = { _tag: "TurnEnded", nativeTurnId: turnId } as const
    if (Exit.isSuccess(exit)) {
      const { outcome, usage } = exit.value
      const reason = outcome === "interrupted" ? { reason: Turn.cancelled } : {}
      return { ...common, outcome, ...reason, ...defined({ usage }) }
    }
    if (Cause.isInterruptedOnly(exit.cause)) return { ...common, outcome: "interrupted", ...(ended ? { reason: ended } : {}) }
    const error = Option.getOrElse(Cause.failureOption(exit.cause), (): Failure => ({
      kind: "unknown",
      message: "The adapter failed during this turn.",
      detail: cut(Cause.pretty(exit.cause), 2000)
    }))
    return { ...common, outcome: "failed", reason: error.message, error }
  }
  /**
   * Runs a turn and emits its terminal event. Call it in an uninterruptible region, so that the terminal event is emitted even if the fiber is interrupted
   * before its first step.
   */
  const begin = (turnId: TurnId, prompt: Turn.Prompt) =>
    Turn.run(
      { endpoint, options, model, effort, instructions, transcript, emit, awaitCapacity: inbox.room, openRequests },
      turnId,
      prompt
    ).pipe(
      Effect.interruptible,
      Effect.onExit((exit) =>
        Effect.sync(() => {
          running = undefined
          const leftOut = transcript.leftOut()
          if (leftOut > reportedLeftOut)
            emit([{ _tag: "Opaque", nativeTurnId: turnId, method: "millrace/history-cut", payload: { leftOut, bytes } }])
          reportedLeftOut = leftOut
          emit([terminal(turnId, exit)])
        })
      ),
      Effect.exit
    )

  const stop = (reason: string) =>
    Effect.suspend(() => {
      ended ??= reason
      return running === undefined ? Effect.void : Fiber.interrupt(running.fiber)
    }).pipe(Effect.ensuring(Effect.sync(inbox.end)))
  yield* Effect.addFinalizer(() => stop("its session was closed"))

  const last = Stream.suspend(() => Stream.fromIterable(normaliser.end(ended ?? "its session was closed")))
  return {
    events: inbox.stream.pipe(
      Stream.mapChunks((chunk) => Chunk.unsafeFromArray(Chunk.toReadonlyArray(chunk).flatMap((event) => normaliser.push(event)))),
      Stream.concat(last)
    ),
    continuity: history !== undefined && history.turns.length > 0 ? "replayed" : "fresh",
    resumeKey: undefined,
    capabilities,
    // The endpoint cannot read files, so a text file is a part of the prompt.
    takes: (attachment) =>
      Images.isImage(attachment, maxBytes.image) || (PastImages.isText(attachment) && attachment.bytes <= maxBytes.text),
    startTurn: Effect.fn("OpenAi.startTurn")(function* ({ attachments = [], text, turnId }) {
      const prompt = yield* PastImages.prompt(options.name, text, attachments.filter(Images.isNative))
      if (ended !== undefined) return yield* failed("startTurn", { kind: "process", message: `The session has ended: ${ended}.` })
      if (running !== undefined)
        return yield* failed("startTurn", { kind: "refused", message: `The turn ${running.turnId} is still running.` })
      // The endpoint has no turn ids: our turn id also serves as the native one.
      normaliser.bindTurn(turnId, turnId)
      emit([{ _tag: "TurnStarted", nativeTurnId: turnId }])
      yield* Effect.uninterruptible(
        Effect.map(Effect.forkIn(begin(turnId, prompt), scope), (fiber) => {
          running = { turnId, fiber }
        })
      )
    }),
    steer: () =>
      Effect.fail(
        failed("steer", { kind: "refused", message: "A model endpoint cannot be steered during an answer; queue the message." })
      ),
    interrupt: Effect.fn("OpenAi.interrupt")(function* (turnId) {
      if (running?.turnId !== turnId) return
      normaliser.interrupting(turnId)
      yield* Fiber.interrupt(running.fiber)
    }),
    answer: (requestId, answer) =>
      Effect.suspend(() => {
        const native = normaliser.answered(requestId)
        const waiting = native === undefined ? undefined : openRequests.get(native)
        return waiting === undefined ? Effect.void : Effect.asVoid(Deferred.succeed(waiting, answer))
      }),
    stop
  }
})
