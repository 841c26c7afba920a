/** The agent's side of a session in its own protocol: the handshake, and the native session that is loaded or new. */
import { ProviderError, type OpenInput } from "@millrace/contracts/ProviderAdapter"
import type { Continuity } from "@millrace/contracts/State"
import { Effect, Fiber, Schema, Stream } from "effect"
import { methodNotFound } from "../process/Message.ts"
import type { RpcChild } from "../process/RpcChild.ts"
import { InitializeAnswer, LoadAnswer, NewAnswer, type Settings } from "./Wire.ts"

/** For the first answers of a process; opencode takes two seconds on a quiet machine. */
const startMillis = 30_000
/** A long history is replayed before the answer. */
const loadMillis = 120_000

const answered =
  <A, I>(provider: string, operation: string, schema: Schema.Schema<A, I>) =>
  (answer: unknown): Effect.Effect<A, ProviderError> =>
    Schema.decodeUnknown(schema)(answer).pipe(
      Effect.mapError(
        (error) =>
          new ProviderError({
            provider,
            operation,
            outcome: "failed",
            failure: {
              kind: "protocol",
              message: `${provider} answered ${operation} in a shape that is not known.`,
              detail: error.message
            }
          })
      )
    )

/** First on every connection. Only version 1 is spoken. */
export const handshake = Effect.fn("Acp.handshake")(function* (provider: string, child: RpcChild) {
  const clientCapabilities = { fs: { readTextFile: true, writeTextFile: true }, terminal: false }
  const clientInfo = { name: "millrace", title: "Millrace", version: "0.1.0" }
  const agent = yield* child
    .request("initialize", { protocolVersion: 1, clientCapabilities, clientInfo }, { deadlineMillis: startMillis })
    .pipe(Effect.flatMap(answered(provider, "initialize", InitializeAnswer)))
  if (agent.protocolVersion === 1) return agent
  const message = `${provider} speaks version ${agent.protocolVersion} of the protocol; only version 1 is known.`
  return yield* new ProviderError({
    provider,
    operation: "initialize",
    outcome: "failed",
    failure: { kind: "protocol", message }
  })
})

export interface Begun {
  readonly sessionId: string
  readonly continuity: Continuity
  /** What was asked for and could not be had, for the log. */
  readonly notices: ReadonlyArray<{ readonly method: string; readonly payload: unknown }>
}

/** The agent's own refusal; not its death, and not a missed deadline. */
const isRefusal = (error: ProviderError): boolean => error.outcome === "failed" && error.failure.kind !== "process"

/** -32000: the agent wants a sign-in, which is its own program's business. */
const signIn = (agent: InitializeAnswer) => (error: ProviderError) => {
  if (error.failure.detail?.startsWith("code -32000") !== true) return error
  const ways = (agent.authMethods ?? []).map((way) => way.description ?? way.name ?? way.id).filter(Boolean)
  const message = [`${error.provider} asks to sign in first: ${error.failure.message}`, ...ways].join("; ")
  return new ProviderError({
    provider: error.provider,
    operation: error.operation,
    outcome: "failed",
    failure: { ...error.failure, kind: "auth", message }
  })
}

/** Loads, resumes, or begins a session; then sets the model. Nobody reads `incoming` before it is done. */
export const begin = Effect.fn("Acp.begin")(function* (
  provider: string,
  child: RpcChild,
  agent: InitializeAnswer,
  input: OpenInput
) {
  const where = { cwd: input.cwd, mcpServers: [] }
  const start = child.request("session/new", where, { deadlineMillis: startMillis }).pipe(
    Effect.flatMap(answered(provider, "session/new", NewAnswer)),
    Effect.map(({ sessionId, ...settings }) => ({
      sessionId,
      settings,
      continuity: "fresh" as Continuity,
      lost: [] as Begun["notices"]
    }))
  )
  /**
   * `session/load` replays the history as updates before it answers. All of it is in our log already: it is read and dropped, so that no turn
   * is made of it and the pipe never fills.
   */
  const dropping = <A>(load: Effect.Effect<A, ProviderError>) =>
    child.incoming.pipe(
      Stream.runForEach((message) =>
        message._tag === "Request"
          ? Effect.ignore(child.respondError(message.id, methodNotFound, "not while loading"))
          : Effect.void
      ),
      Effect.fork,
      Effect.flatMap((drain) => Effect.ensuring(load, Fiber.interrupt(drain)))
    )
  const resume = (method: string, sessionId: string) =>
    dropping(child.request(method, { sessionId, ...where }, { deadlineMillis: loadMillis })).pipe(
      Effect.flatMap((answer) => answered(provider, method, LoadAnswer)(answer ?? null)),
      Effect.map((settings) => ({
        sessionId,
        settings: settings ?? {},
        continuity: "resumed" as Continuity,
        lost: [] as Begun["notices"]
      }))
    )
  const fresh = (resumeKey: string, message: string) =>
    Effect.map(start, (begun) => ({
      ...begun,
      lost: [{ method: "millrace/conversation-lost", payload: { resumeKey, message } }]
    }))

  const { resumeKey } = input
  const abilities = agent.agentCapabilities
  const method =
    abilities?.loadSession === true
      ? "session/load"
      : abilities?.sessionCapabilities?.resume == null
        ? undefined
        : "session/resume"
  const opened =
    resumeKey === undefined
      ? start
      : method === undefined
        ? fresh(resumeKey, `${provider} cannot continue a conversation.`)
        : Effect.catchIf(resume(method, resumeKey), isRefusal, (error) => fresh(resumeKey, error.failure.message))
  const { continuity, lost, sessionId, settings } = yield* Effect.mapError(opened, signIn(agent))
  const unset = input.model === undefined ? [] : yield* choose(child, sessionId, settings, input.model)
  return { sessionId, continuity, notices: [...lost, ...unset] } satisfies Begun
})

/** By the session's settings, or the older way. An agent that offers neither goes on with its own model, and says so. */
const choose = (child: RpcChild, sessionId: string, settings: Settings, model: string) => {
  const option = settings.configOptions?.find(({ category, id }) => category === "model" || id === "model")
  if (option !== undefined)
    return Effect.as(child.request("session/set_config_option", { sessionId, configId: option.id, value: model }), [])
  if (settings.models != null) return Effect.as(child.request("session/set_model", { sessionId, modelId: model }), [])
  return Effect.succeed([
    { method: "millrace/model-not-set", payload: { model, message: "The agent lets nobody choose its model; it uses its own." } }
  ])
}
