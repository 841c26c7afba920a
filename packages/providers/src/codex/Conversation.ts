/** Requests of the Codex protocol: the handshake, the native thread, and the operations on a turn. */
import { defined } from "@millrace/contracts/Defined"
import { ProviderError, type OpenInput, type TurnAttachment } from "@millrace/contracts/ProviderAdapter"
import type { Continuity, TurnAction } from "@millrace/contracts/State"
import { Effect, Schema } from "effect"
import * as Images from "../Images.ts"
import type { RpcChild } from "../process/RpcChild.ts"
import type { CodexOptions } from "./Process.ts"
import * as Settings from "./Settings.ts"
import { AccountAnswer, ConfigAnswer, InitializeAnswer, ModelsAnswer, TerminalsAnswer, ThreadAnswer, TurnAnswer } from "./Wire.ts"

/** Deadline of the first answer of a process and of opening a thread. The first answer takes half a second on a cold disk, much longer on a busy machine. */
const startMillis = 30_000

/** Decodes the answer to a request; an unknown shape fails with `outcome: unknown`. */
export const answered =
  <A, I>(operation: string, schema: Schema.Schema<A, I>) =>
  (answer: unknown): Effect.Effect<A, ProviderError> =>
    Schema.decodeUnknown(schema)(answer).pipe(
      Effect.mapError(
        (error) =>
          new ProviderError({
            provider: "codex",
            operation,
            outcome: "unknown",
            failure: {
              kind: "protocol",
              message: `Codex answered ${operation} in an unknown shape.`,
              detail: error.message
            }
          })
      )
    )

/** The error of a start without an answer: Codex hangs, or the program is not Codex. */
const silent = (error: ProviderError): ProviderError =>
  error.outcome !== "unknown"
    ? error
    : new ProviderError({
        provider: error.provider,
        operation: error.operation,
        outcome: error.outcome,
        failure: {
          ...error.failure,
          message: `Codex was started and did not answer for ${startMillis / 1000} s. Run \`codex app-server\` by hand to see why, and check that MILLRACE_CODEX_BIN names Codex.`
        }
      })

/** The first request on every connection; returns Codex's version. Without `experimentalApi` Codex never asks questions. */
export const handshake = Effect.fn("Codex.handshake")(function* (child: RpcChild) {
  const clientInfo = { name: "millrace", title: "Millrace", version: "0.1.0" }
  const { userAgent } = yield* child
    .request("initialize", { clientInfo, capabilities: { experimentalApi: true } }, { deadlineMillis: startMillis })
    .pipe(Effect.mapError(silent), Effect.flatMap(answered("initialize", InitializeAnswer)))
  yield* child.notify("initialized")
  return /^[^/]*\/(\S+)/.exec(userAgent)?.[1]
})

export interface Begun {
  readonly nativeThreadId: string
  readonly continuity: Continuity
  /** The parameters of each turn that the settings need. */
  readonly turn: ReturnType<typeof Settings.turnParams>
  /** The model that Codex opened the thread with. */
  readonly model: string | undefined
  /** Why the requested conversation could not be continued. */
  readonly lost?: { readonly resumeKey: string; readonly message: string }
}

/** Whether Codex has nothing to resume: it does not write a conversation to disk before its first turn, and a `kill -9` can leave an empty file (measured). */
const isLost = (error: ProviderError): boolean =>
  error.outcome === "failed" &&
  /no rollout found|is empty|thread not found|invalid (thread|session) id/i.test(
    `${error.failure.message} ${error.failure.detail ?? ""}`
  )

/** The models that Codex offers, at most 100. */
export const models = (child: RpcChild) =>
  child.request("model/list", { limit: 100 }).pipe(
    Effect.flatMap(answered("model/list", ModelsAnswer)),
    Effect.map(({ data }) => data)
  )

/** The thread's settings. Codex's own model and effort replace absent values, because a conversation would keep those of its last turn (measured). */
export const ownSettings = (child: RpcChild, input: OpenInput) =>
  Effect.gen(function* () {
    const { config } = yield* Effect.flatMap(
      child.request("config/read", { cwd: input.cwd, includeLayers: false }),
      answered("config/read", ConfigAnswer)
    )
    const listed = yield* models(child)
    const named = input.model ?? config.model
    const model = listed.find((one) => (named == null ? one.isDefault === true : one.model === named))
    const effort = input.settings?.effort ?? config.model_reasoning_effort ?? model?.defaultReasoningEffort
    return {
      ...input,
      ...defined({ model: named ?? model?.model }),
      settings: { ...input.settings, ...defined({ effort: effort ?? undefined }) }
    }
  })

/** Opens the native thread of `resumeKey`, or a fork of it, if Codex still has it. Otherwise begins a new native thread. */
export const begin = Effect.fn("Codex.begin")(function* (child: RpcChild, input: OpenInput, options: CodexOptions) {
  // If Codex does not answer, a resumed conversation keeps its own model and effort.
  const inputWithDefaults =
    input.resumeKey === undefined ? input : yield* Effect.orElseSucceed(ownSettings(child, input), () => input)
  const settings = Settings.threadParams(inputWithDefaults, options)
  /** The answer to a fork has the id of the new thread. */
  const resume = (method: "thread/resume" | "thread/fork", threadId: string) =>
    child
      .request(
        method,
        { threadId, ...defined({ lastTurnId: input.forkAt }), excludeTurns: true, ...settings },
        { deadlineMillis: startMillis }
      )
      .pipe(
        Effect.flatMap(answered(method, ThreadAnswer)),
        Effect.map(({ model, thread }): Begun => ({
          nativeThreadId: thread.id,
          continuity: "resumed",
          model: model ?? undefined,
          turn: Settings.turnParams(inputWithDefaults, model)
        }))
      )
  const start = child.request("thread/start", settings, { deadlineMillis: startMillis }).pipe(
    Effect.flatMap(answered("thread/start", ThreadAnswer)),
    Effect.map(({ model, thread }): Begun => ({
      nativeThreadId: thread.id,
      continuity: "fresh",
      model: model ?? undefined,
      turn: Settings.turnParams(inputWithDefaults, model)
    }))
  )
  const { fork, resumeKey } = input
  if (resumeKey === undefined) return yield* start
  return yield* resume(fork === true ? "thread/fork" : "thread/resume", resumeKey).pipe(
    Effect.catchIf(
      (error) => isLost(error) || (input.forkAt !== undefined && error.outcome === "failed"),
      (error) => Effect.map(start, (begun): Begun => ({ ...begun, lost: { resumeKey, message: error.failure.message } }))
    )
  )
})

interface Prompt {
  readonly text: string
  readonly attachments?: ReadonlyArray<TurnAttachment>
}

/** The user input: Codex reads a `localImage` when the turn starts. */
const input = ({ attachments = [], text }: Prompt) => {
  const images = attachments.filter(Images.isNative).map(({ path }) => ({ type: "localImage", path }))
  return [...images, ...(text === "" && images.length > 0 ? [] : [{ type: "text", text }])]
}

/** Returns the native turn's id. An accepted turn is not durable in Codex: after a kill it may be missing (measured). */
export const startTurn = (child: RpcChild, threadId: string, turn: Prompt & { readonly turnId: string }, settings: object) =>
  child.request("turn/start", { threadId, clientUserMessageId: turn.turnId, input: input(turn), ...settings }).pipe(
    Effect.flatMap(answered("turn/start", TurnAnswer)),
    Effect.map((answer) => answer.turn.id)
  )

/** Starts a turn with an action. Returns the native turn's id for a review; `undefined` for a compaction, whose turn Codex reports only when it starts. */
export const startAction = (
  child: RpcChild,
  threadId: string,
  action: TurnAction
): Effect.Effect<string | undefined, ProviderError> =>
  action.type === "compact"
    ? Effect.as(child.request("thread/compact/start", { threadId }), undefined)
    : child.request("review/start", { threadId, target: action.target, delivery: "inline" }).pipe(
        Effect.flatMap(answered("review/start", TurnAnswer)),
        Effect.map((answer) => answer.turn.id)
      )

/** Fails when that turn no longer runs. */
export const steer = (child: RpcChild, threadId: string, nativeTurnId: string, prompt: Prompt) =>
  child.request("turn/steer", { threadId, expectedTurnId: nativeTurnId, input: input(prompt) }).pipe(Effect.asVoid)

/**
 * Returns when the turn has been stopped. `false`: Codex reports that the turn does not run. It also does so just before the turn starts, and for a
 * review before its inner turn is known.
 */
export const interrupt = (child: RpcChild, threadId: string, nativeTurnId: string, deadlineMillis: number) =>
  child.request("turn/interrupt", { threadId, turnId: nativeTurnId }, { deadlineMillis }).pipe(
    Effect.as(true),
    Effect.catchIf(
      (error) => error.outcome === "failed" && /no active turn|expected active turn id/i.test(error.failure.message),
      () => Effect.succeed(false)
    )
  )

/**
 * Ends the processes of these command items. Codex's interrupt stops the turn but not its commands: one ran on for seconds and wrote its file
 * (measured). Commands that have already ended are skipped.
 */
export const terminateCommands = (child: RpcChild, threadId: string, nativeItemIds: ReadonlySet<string>) =>
  child.request("thread/backgroundTerminals/list", { threadId }).pipe(
    Effect.flatMap(answered("thread/backgroundTerminals/list", TerminalsAnswer)),
    Effect.flatMap(({ data }) =>
      Effect.forEach(
        data.filter(({ itemId }) => nativeItemIds.has(itemId)),
        ({ processId }) => child.request("thread/backgroundTerminals/terminate", { threadId, processId }),
        { discard: true }
      )
    )
  )

/** The sign-in state; `not-needed` when the settings name another model provider. */
export const account = (child: RpcChild) =>
  child.request("account/read", { refreshToken: false }).pipe(
    Effect.flatMap(answered("account/read", AccountAnswer)),
    Effect.map(({ account, requiresOpenaiAuth }) =>
      !requiresOpenaiAuth ? ("not-needed" as const) : account ? ("yes" as const) : ("no" as const)
    )
  )
