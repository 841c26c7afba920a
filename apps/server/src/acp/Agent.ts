/** `millrace acp`: an agent of the Agent Client Protocol whose sessions are threads of a running server. Ends when the editor closes the connection. */
import {
  agent,
  type AgentContext,
  type McpServer,
  methods,
  ndJsonStream,
  PROTOCOL_VERSION,
  RequestError,
  type Stream as AcpStream
} from "@agentclientprotocol/sdk"
import * as Client from "@millrace/client/Client"
import type { HttpTransfer } from "@millrace/client/HttpTransfer"
import type { TransportError } from "@millrace/client/TransportError"
import { version } from "@millrace/contracts/Capabilities"
import type { BodyOf } from "@millrace/contracts/Command"
import { defined } from "@millrace/contracts/Defined"
import { ThreadId } from "@millrace/contracts/Ids"
import type { Millrace } from "@millrace/contracts/Millrace"
import type { McpServers, PermissionMode } from "@millrace/contracts/Settings"
import { Cause, Effect, ExecutionStrategy, Exit, Option, Runtime, Schema, Scope, Stream } from "effect"
import { isAbsolute } from "node:path"
import * as PromptBlocks from "./PromptBlocks.ts"
import * as Refusal from "./Refusal.ts"
import * as Session from "./Session.ts"
import * as SessionSettings from "./SessionSettings.ts"

export interface Options {
  readonly millrace: Millrace<TransportError>
  /** Uploads to the same server, which may have another address after a restart. */
  readonly putBlob: HttpTransfer["putBlob"]
  readonly provider: string
  readonly model: string | undefined
  readonly permissionMode: PermissionMode | undefined
  /** Where messages come from and go to. */
  readonly stream: AcpStream
}

/** Most open sessions of one editor: each one follows the log. */
const maxSessions = 32
/** Threads of one page of `session/list`. */
const pageSize = 50
/** One line: a prompt of 16 images of 4 MiB fits. */
export const maxMessageBytes = 96 * 1024 * 1024

export const lines = (output: WritableStream<Uint8Array>, input: ReadableStream<Uint8Array>): AcpStream =>
  ndJsonStream(output, input, { maxMessageBytes })

const isThreadId = Schema.is(ThreadId)
const invalid = (message: string) => Effect.fail(RequestError.invalidParams(undefined, message))

const values = (pairs: ReadonlyArray<{ readonly name: string; readonly value: string }>) =>
  Object.fromEntries(pairs.map(({ name, value }) => [name, value]))

/** The editor's servers by the names that a thread allows. */
const mcpServersOf = (servers: ReadonlyArray<McpServer>): Effect.Effect<McpServers | undefined, RequestError> =>
  Effect.gen(function* () {
    const all: Record<string, McpServers[string]> = {}
    for (const server of servers) {
      const name = server.name.replaceAll(/[^A-Za-z0-9_-]/g, "_").slice(0, 64) || "server"
      if (name in all) return yield* invalid(`two MCP servers have the name ${name}`)
      if ("command" in server) all[name] = { command: server.command, args: server.args, env: values(server.env) }
      else if (server.type === "http") all[name] = { url: server.url, headers: values(server.headers) }
      else return yield* invalid(`the MCP server ${name} uses SSE; Millrace takes commands and Streamable HTTP`)
    }
    return servers.length === 0 ? undefined : all
  })

/** Runs until the editor closes the connection. */
export const run = (options: Options): Effect.Effect<void> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { millrace, model, permissionMode, provider, putBlob } = options
      const scope = yield* Effect.scope
      const runtime = yield* Effect.runtime<never>()
      const sessions = new Map<string, { readonly session: Session.Session; readonly scope: Scope.CloseableScope }>()
      /** One session is opened at a time: two followers of one thread would send each update twice. */
      const opening = (yield* Effect.makeSemaphore(1)).withPermits(1)
      const room = Effect.suspend(() => (sessions.size < maxSessions ? Effect.void : Effect.fail(Refusal.tooMany(maxSessions))))

      /** A typed failure becomes the error of the answer. Anything else is a defect, which the SDK answers as an internal error. */
      const handle = async <A>(effect: Effect.Effect<A, RequestError>): Promise<A> => {
        const exit = await Runtime.runPromiseExit(runtime)(effect)
        if (Exit.isSuccess(exit)) return exit.value
        throw Option.getOrElse(Cause.failureOption(exit.cause), () => new Error(Cause.pretty(exit.cause)))
      }
      const asked = <A, E extends { readonly _tag: string; readonly message: string }>(effect: Effect.Effect<A, E>) =>
        Effect.mapError(effect, Refusal.of)
      const dispatch = (command: Parameters<typeof millrace.dispatch>[0]) => asked(millrace.dispatch(command))
      const threadOf = (sessionId: string) =>
        isThreadId(sessionId) ? asked(millrace.thread(sessionId)) : Effect.fail(Refusal.unknown(sessionId))
      const find = (sessionId: string) =>
        Effect.suspend(() => {
          const found = sessions.get(sessionId)
          return found === undefined ? Effect.fail(Refusal.unknown(sessionId)) : Effect.succeed(found.session)
        })
      const providerOf = (name: string) =>
        Effect.map(asked(millrace.providers), (all) => all.find((status) => status.provider === name))
      const settingsOf = (sessionId: string) =>
        Effect.flatMap(threadOf(sessionId), (thread) => Effect.map(providerOf(thread.provider), (status) => ({ thread, status })))

      const close = (sessionId: string) =>
        Effect.suspend(() => {
          const open = sessions.get(sessionId)
          sessions.delete(sessionId)
          return open === undefined ? Effect.void : Scope.close(open.scope, Exit.void)
        })
      const open = (
        editor: AgentContext,
        threadId: ThreadId,
        cwd: string,
        from: { readonly after?: string; readonly history: boolean }
      ) =>
        Effect.gen(function* () {
          yield* close(threadId)
          yield* room
          const own = yield* Scope.fork(scope, ExecutionStrategy.sequential)
          const made = Session.make({ millrace, editor, threadId, cwd, ...from })
          const session = yield* Effect.onError(Scope.extend(made, own), () => Scope.close(own, Exit.void))
          sessions.set(threadId, { session, scope: own })
        })

      const reopen =
        (history: boolean) => (context: { readonly client: AgentContext; readonly params: { readonly sessionId: string } }) =>
          handle(
            Effect.gen(function* () {
              const { status, thread } = yield* settingsOf(context.params.sessionId)
              yield* opening(open(context.client, thread.threadId, thread.cwd, { history }))
              return SessionSettings.of(thread, status)
            })
          )
      const configure = (sessionId: string, changes: Pick<BodyOf<"thread.configure">, "model" | "permissionMode">) =>
        Effect.gen(function* () {
          yield* find(sessionId)
          const { threadId } = yield* threadOf(sessionId)
          yield* dispatch(yield* Client.command("thread.configure", { threadId, ...changes }))
        })

      const app = agent({ name: "millrace" })
        .onRequest(methods.agent.initialize, () => ({
          protocolVersion: PROTOCOL_VERSION,
          agentInfo: { name: "millrace", title: "Millrace", version },
          agentCapabilities: {
            loadSession: true,
            promptCapabilities: { image: true, embeddedContext: true },
            mcpCapabilities: { http: true, sse: false },
            sessionCapabilities: { list: {}, resume: {}, close: {}, additionalDirectories: {} }
          },
          authMethods: []
        }))
        .onRequest(methods.agent.session.new, ({ client, params }) =>
          handle(
            Effect.gen(function* () {
              const { additionalDirectories = [], cwd } = params
              if (!isAbsolute(cwd)) return yield* invalid(`cwd is not an absolute path: ${cwd}`)
              const mcpServers = yield* mcpServersOf(params.mcpServers)
              const directories = additionalDirectories.length === 0 ? undefined : additionalDirectories
              const settings = defined({ model, permissionMode, mcpServers, directories })
              const command = yield* Client.command("thread.create", { provider, cwd, ...settings })
              const create = Effect.gen(function* () {
                yield* room
                const { cursor, threadId } = yield* dispatch(command)
                if (threadId === undefined) return yield* Effect.fail(Refusal.oldServer)
                yield* open(client, threadId, cwd, { after: cursor, history: true })
                return threadId
              })
              const threadId = yield* opening(create)
              const { status, thread } = yield* settingsOf(threadId)
              return { sessionId: threadId, ...SessionSettings.of(thread, status) }
            })
          )
        )
        .onRequest(methods.agent.session.load, reopen(true))
        .onRequest(methods.agent.session.resume, reopen(false))
        .onRequest(methods.agent.session.close, ({ params }) => handle(Effect.as(close(params.sessionId), {})))
        .onRequest(methods.agent.session.list, ({ params }) =>
          handle(
            Effect.gen(function* () {
              const before = params.cursor == null ? undefined : Number(params.cursor)
              if (before !== undefined && !Number.isSafeInteger(before))
                return yield* invalid("the cursor is not one of session/list")
              const page = yield* asked(millrace.threads({ limit: pageSize, archived: false, ...defined({ before }) }))
              const sessions = page.items
                .filter(({ cwd }) => params.cwd == null || cwd === params.cwd)
                .map(({ cwd, threadId, title, updatedAt }) => ({ sessionId: threadId, cwd, title, updatedAt }))
              return { sessions, ...(page.before !== undefined && { nextCursor: String(page.before) }) }
            })
          )
        )
        .onRequest(methods.agent.session.prompt, ({ params, signal }) =>
          handle(
            Effect.gen(function* () {
              const session = yield* find(params.sessionId)
              // `$/cancel_request` of the editor. A closed connection ends nothing.
              signal.addEventListener("abort", () => {
                if (signal.reason instanceof RequestError) void handle(Effect.ignore(session.cancel))
              })
              const { files, text } = yield* PromptBlocks.read(params.prompt)
              const attachments = yield* Effect.forEach(files, ({ bytes, mediaType, name }) =>
                Effect.map(asked(putBlob(Stream.make(bytes), mediaType)), ({ hash }) => ({ blob: hash, name, mediaType }))
              )
              return yield* session.prompt(text, attachments)
            })
          )
        )
        .onNotification(methods.agent.session.cancel, ({ params }) =>
          handle(Effect.flatMap(find(params.sessionId), ({ cancel }) => cancel))
        )
        .onRequest(methods.agent.session.setMode, ({ params }) =>
          handle(
            SessionSettings.isMode(params.modeId)
              ? Effect.as(configure(params.sessionId, { permissionMode: params.modeId }), {})
              : invalid(`there is no mode ${params.modeId}`)
          )
        )
        .onRequest(methods.agent.session.setConfigOption, ({ params }) =>
          handle(
            Effect.gen(function* () {
              const { configId, sessionId, value } = params
              if (configId !== SessionSettings.modelOption || typeof value !== "string")
                return yield* invalid(`there is no option ${configId} with this value`)
              yield* configure(sessionId, { model: value === SessionSettings.agentsChoice ? null : value })
              const { status, thread } = yield* settingsOf(sessionId)
              return { configOptions: SessionSettings.optionsOf(thread, status) }
            })
          )
        )
      const connection = app.connect(options.stream)
      yield* Effect.promise(() => connection.closed)
    })
  )
