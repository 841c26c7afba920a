/**
 * One session of an MCP client: the SDK's server over its Streamable HTTP transport. Tool calls and subscriptions are fibers of the session's scope; when it
 * closes they are interrupted, except a command that was dispatched, and the client's streams end.
 */
import { randomUUID } from "node:crypto"
import { Effect, Fiber, FiberSet, Runtime } from "effect"
import { version } from "@millrace/contracts/Capabilities"
import { defined } from "@millrace/contracts/Defined"
import type { ThreadId } from "@millrace/contracts/Ids"
import * as Scopes from "../auth/Scopes.ts"
import { Session, stillValid } from "../auth/Session.ts"
import * as Respond from "../http/Respond.ts"
import { Service } from "../Service.ts"
import * as Bounded from "./Bounded.ts"
import * as Reach from "./Reach.ts"
import * as Resources from "./Resources.ts"
import * as Shown from "./Shown.ts"
import type * as Sdk from "./Sdk.ts"
import type { Tool } from "./Tool.ts"
import * as Tools from "./Tools.ts"

export interface McpSession {
  readonly id: string
  /** Answers an HTTP request of the session. Its headers and `body` are those of the client. */
  readonly handle: (request: Request, body: unknown, session: Session["Type"]) => Effect.Effect<Response>
  /** Ends the stream of notifications. Calls in flight are still answered. */
  readonly endNotifications: Effect.Effect<void>
}

/** Most subscriptions of a session. */
const maxSubscriptions = 32
/** Most calls of a session that run at the same time. */
const maxCalls = 32
/** Threads of one page of the list of resources. */
const listed = 50

const instructions =
  "Millrace runs coding agents. A thread is a conversation with one agent; a turn is one run of it. Create a thread with a prompt, wait for its turn with turn_wait, read it with thread_read."

const text = (value: object) => [{ type: "text" as const, text: JSON.stringify(value) }]

/** The result of a tool that failed. The agent reads the error's tag or rule, and what to do next. */
const failed = (error: Respond.WireError) => ({ isError: true, content: text({ error: Respond.encode(error) }) })

/** The session lives in the scope. `sdk` is loaded by the caller. */
export const make = Effect.fnUntraced(function* (sdk: typeof Sdk, first: Session["Type"]) {
  const service = yield* Service
  const tools: ReadonlyArray<Tool> = yield* Tools.make
  const follow = yield* Resources.follow
  const fork = yield* FiberSet.makeRuntime<never, unknown, unknown>()
  const runtime = yield* Effect.runtime<never>()
  const id = randomUUID()
  let current = first
  let calls = 0
  const subscriptions = new Map<ThreadId, Fiber.RuntimeFiber<unknown, unknown>>()

  /** Runs an effect in the session's scope. An abort of the client interrupts it. */
  const run = <A>(effect: Effect.Effect<A, Error>, signal: AbortSignal): Promise<A> => {
    const fiber = fork(effect)
    signal.addEventListener("abort", () => fiber.unsafeInterruptAsFork(fiber.id()), { once: true })
    return Runtime.runPromise(runtime)(Fiber.join(fiber)) as Promise<A>
  }
  const permitted = (operation: Scopes.Operation) => Effect.zipRight(stillValid(current), Scopes.permit(current.scope, operation))
  const asSession = <A, E, R>(effect: Effect.Effect<A, E, R | Session>) =>
    Effect.suspend(() => Effect.provideService(effect, Session, current))

  const call = (name: string, given: unknown) => {
    const tool = tools.find((one) => one.name === name)
    if (tool === undefined)
      return Effect.fail(new sdk.McpError(sdk.ErrorCode.InvalidParams, `There is no tool ${name}. List the tools.`))
    if (calls >= maxCalls)
      return Effect.succeed({
        isError: true,
        content: text({ error: { _tag: "Overloaded", message: `${maxCalls} calls of this session run. Wait for one to end.` } })
      })
    return Effect.acquireUseRelease(
      Effect.sync(() => calls++),
      () => asSession(Effect.zipRight(permitted(tool.operation), tool.call(given))),
      () => Effect.sync(() => calls--)
    ).pipe(
      Effect.map((result) => ({ content: text(result) })),
      Effect.catchAll((error) => Effect.succeed(failed(error))),
      Effect.withSpan("Mcp.call", { root: true, attributes: { tool: name }, captureStackTrace: false })
    )
  }

  const refused = (error: Respond.WireError) => new sdk.McpError(sdk.ErrorCode.InvalidParams, error.message)
  const threadOf = (uri: string): Effect.Effect<ThreadId, Error> => {
    const found = Resources.threadIdOf(uri)
    return found === undefined
      ? Effect.fail(new sdk.McpError(sdk.ErrorCode.InvalidParams, `A resource is ${Resources.template.uriTemplate}.`))
      : Effect.succeed(found)
  }
  const list = (cursor: string | undefined) =>
    Effect.gen(function* () {
      yield* permitted("threads")
      const before = Number(cursor ?? "")
      const seen = yield* Reach.threadsOf(service, current)
      const page = yield* service.threads({ limit: listed, ...(before > 0 && { before }) })
      return {
        resources: page.items
          .filter(({ threadId }) => seen?.has(threadId) !== false)
          .map(({ threadId, title }) => ({
            uri: Resources.uriOf(threadId),
            name: threadId,
            title,
            mimeType: Resources.template.mimeType
          })),
        ...defined({ nextCursor: page.before === undefined ? undefined : String(page.before) })
      }
    }).pipe(Effect.mapError(refused))
  const read = (uri: string) =>
    Effect.flatMap(threadOf(uri), (threadId) =>
      Effect.gen(function* () {
        yield* permitted("items")
        yield* Reach.check(service, current, threadId)
        const thread = yield* service.thread(threadId)
        const value = yield* Bounded.page(
          20,
          (limit) => service.items(threadId, { limit }),
          ({ items }) => ({ thread: Shown.thread(thread), items: items.toReversed().map(Shown.item) })
        )
        return { contents: [{ uri, mimeType: Resources.template.mimeType, text: JSON.stringify(value) }] }
      }).pipe(Effect.mapError(refused))
    )
  const subscribe = (uri: string, notify: Effect.Effect<void>) =>
    Effect.flatMap(threadOf(uri), (threadId) =>
      Effect.gen(function* () {
        yield* permitted("thread")
        yield* Reach.check(service, current, threadId)
        yield* service.thread(threadId)
        // The log could not be read: it has ended.
        if (subscriptions.get(threadId)?.unsafePoll() != null) subscriptions.delete(threadId)
        if (!subscriptions.has(threadId) && subscriptions.size >= maxSubscriptions)
          return yield* Effect.fail(
            new sdk.McpError(
              sdk.ErrorCode.InvalidParams,
              `A session has at most ${maxSubscriptions} subscriptions. End one of them.`
            )
          )
        if (!subscriptions.has(threadId)) subscriptions.set(threadId, fork(follow(threadId, notify)))
        return {}
      }).pipe(Effect.mapError((error) => (error instanceof sdk.McpError ? error : refused(error))))
    )
  const unsubscribe = (uri: string) =>
    Effect.flatMap(threadOf(uri), (threadId) => {
      const fiber = subscriptions.get(threadId)
      subscriptions.delete(threadId)
      return Effect.as(fiber === undefined ? Effect.void : Fiber.interruptFork(fiber), {})
    })

  const server = new sdk.Server(
    { name: "millrace", version },
    {
      capabilities: { tools: {}, resources: { subscribe: true } },
      instructions,
      // Validates answers of clients to questions of the server, which this server never sends.
      jsonSchemaValidator: { getValidator: () => () => ({ valid: false, data: undefined, errorMessage: "not supported" }) }
    }
  )
  server.setRequestHandler(sdk.ListToolsRequestSchema, () => ({
    tools: tools.map(({ annotations, description, inputSchema, name }) => ({ name, description, inputSchema, annotations }))
  }))
  server.setRequestHandler(sdk.CallToolRequestSchema, ({ params }, { signal }) =>
    run(call(params.name, params.arguments ?? {}), signal)
  )
  server.setRequestHandler(sdk.ListResourcesRequestSchema, ({ params }, { signal }) => run(list(params?.cursor), signal))
  server.setRequestHandler(sdk.ListResourceTemplatesRequestSchema, () => ({ resourceTemplates: [Resources.template] }))
  server.setRequestHandler(sdk.ReadResourceRequestSchema, ({ params }, { signal }) => run(read(params.uri), signal))
  server.setRequestHandler(sdk.SubscribeRequestSchema, ({ params: { uri } }, { signal }) =>
    run(
      subscribe(
        uri,
        Effect.promise(() => server.sendResourceUpdated({ uri }))
      ),
      signal
    )
  )
  server.setRequestHandler(sdk.UnsubscribeRequestSchema, ({ params }, { signal }) => run(unsubscribe(params.uri), signal))

  const transport = new sdk.WebStandardStreamableHTTPServerTransport({ sessionIdGenerator: () => id })
  yield* Effect.acquireRelease(
    Effect.promise(() => server.connect(transport)),
    () => Effect.promise(() => server.close())
  )
  return {
    id,
    handle: (request, body, session) =>
      Effect.promise(() => {
        current = session
        return transport.handleRequest(request, { parsedBody: body })
      }),
    endNotifications: Effect.sync(() => transport.closeStandaloneSSEStream())
  } satisfies McpSession
})
