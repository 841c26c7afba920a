/** Requests that open an ACP session: the handshake, and the native session, which is loaded or new. */
import type { InitializeRequest, LoadSessionRequest, NewSessionRequest, ResumeSessionRequest } from "@agentclientprotocol/sdk"
import { defined } from "@millrace/contracts/Defined"
import { ProviderError, type OpenInput } from "@millrace/contracts/ProviderAdapter"
import type { Continuity } from "@millrace/contracts/State"
import { Effect, Fiber, Schema, Stream } from "effect"
import { methodNotFound } from "../process/Message.ts"
import * as McpServers from "../McpServers.ts"
import type { NativeEvent } from "../NativeEvent.ts"
import type { RpcChild } from "../process/RpcChild.ts"
import * as Report from "../Report.ts"
import * as Settings from "./Settings.ts"
import * as LiveSettings from "./LiveSettings.ts"
import { InitializeAnswer, LoadAnswer, NewAnswer, type Settings as Offered } from "./Wire.ts"

/** Deadline of the first answers of a process; opencode takes two seconds on a quiet machine. */
const startMillis = 30_000
/** Deadline of a load: the agent replays the history before it answers. */
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
              message: `${provider} answered ${operation} in an unknown shape.`,
              detail: error.message
            }
          })
      )
    )

/** The first request on every connection. Fails when the agent does not speak protocol version 1. */
export const handshake = Effect.fn("Acp.handshake")(function* (provider: string, child: RpcChild) {
  const hello: InitializeRequest = {
    protocolVersion: 1,
    clientCapabilities: { fs: { readTextFile: true, writeTextFile: true }, terminal: false },
    clientInfo: { name: "millrace", title: "Millrace", version: "0.1.0" }
  }
  const agent = yield* child
    .request("initialize", hello, { deadlineMillis: startMillis })
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
  /** Requested settings that could not be applied, for the log. */
  readonly notices: ReadonlyArray<NativeEvent>
  /** Whether prompts may contain images. */
  readonly takesImages: boolean
  /** The agent can copy a conversation. */
  readonly forks: boolean
  readonly live: LiveSettings.LiveSettings
}

/** Whether the agent answered with an error: it neither exited nor missed a deadline. */
const isRefusal = (error: ProviderError): boolean => error.outcome === "failed" && error.failure.kind !== "process"

/** Adds the agent's sign-in methods to error -32000, which asks for a sign-in. The user signs in with the agent's own program. */
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

/** Loads, resumes, or begins a session; then sets what the thread sets. No other consumer may read `incoming` until it returns. */
export const begin = Effect.fn("Acp.begin")(function* (
  provider: string,
  child: RpcChild,
  agent: InitializeAnswer,
  input: OpenInput,
  learn: (offered: Offered) => void
) {
  const abilities = agent.agentCapabilities
  const servers = McpServers.of(input.settings)
  const remote = servers.find((server) => "url" in server)
  if (remote !== undefined && abilities?.mcpCapabilities?.http !== true)
    return yield* Settings.refused(provider, `${provider} starts MCP servers only by a command; ${remote.name} has a url.`)
  const where: NewSessionRequest = { cwd: input.cwd, mcpServers: McpServers.acp(servers) }
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
   * `session/load` replays the history as updates before it answers. Our log already has it, so the updates are read and dropped: they start no turn,
   * and the pipe does not fill.
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
    dropping(
      child.request(method, { sessionId, ...where } satisfies LoadSessionRequest & ResumeSessionRequest, {
        deadlineMillis: loadMillis
      })
    ).pipe(
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
      lost: [{ _tag: "ConversationLost" as const, resumeKey, message }]
    }))

  const { forkAt, resumeKey } = input
  const method =
    abilities?.loadSession === true
      ? "session/load"
      : abilities?.sessionCapabilities?.resume == null
        ? undefined
        : "session/resume"
  /** The answer has the id of the copy. */
  const fork = (source: string) =>
    dropping(child.request("session/fork", { sessionId: source, ...where }, { deadlineMillis: loadMillis })).pipe(
      Effect.flatMap(answered(provider, "session/fork", NewAnswer)),
      Effect.map(({ sessionId, ...settings }) => ({
        sessionId,
        settings,
        continuity: "resumed" as Continuity,
        lost: [] as Begun["notices"]
      }))
    )
  const forks = abilities?.sessionCapabilities?.fork != null
  const opened =
    resumeKey === undefined
      ? start
      : input.fork === true
        ? !forks || forkAt !== undefined
          ? fresh(resumeKey, `${provider} cannot copy this part of a conversation.`)
          : Effect.catchIf(fork(resumeKey), isRefusal, (error) => fresh(resumeKey, error.failure.message))
        : method === undefined
          ? fresh(resumeKey, `${provider} cannot continue a conversation.`)
          : Effect.catchIf(resume(method, resumeKey), isRefusal, (error) => fresh(resumeKey, error.failure.message))
  const { continuity, lost, sessionId, settings } = yield* Effect.mapError(opened, signIn(agent))
  learn(settings)
  const live = LiveSettings.make(provider, child, sessionId, settings)
  const unset = yield* Settings.apply(provider, child, sessionId, settings, input)
  const takesImages = abilities?.promptCapabilities?.image === true
  // The report has only values that the thread does not set.
  const { mode, model } = Settings.reportOf(settings)
  const report = defined({
    model: input.model === undefined ? model : undefined,
    mode: input.settings?.permissionMode === undefined ? mode : undefined
  })
  const reports = Object.keys(report).length === 0 ? [] : [Report.event(report)]
  return { sessionId, continuity, notices: [...lost, ...unset, ...reports], takesImages, forks, live } satisfies Begun
})
