/**
 * Composes the HTTP server: listening, guards, routes, subscriptions and draining. Build order: drain, connections, routes, and last the finalizer
 * that drains, which therefore runs first when the scope closes.
 */
import { createServer, type Server as NodeServer } from "node:http"
import { Headers, HttpLayerRouter, HttpMiddleware } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { Context, Duration, Effect, Either, Layer, Schema } from "effect"
import { ApiGroup } from "@millrace/contracts/Api"
import * as BoundedLayer from "@millrace/host/BoundedLayer"
import type { EventLog } from "@millrace/log/EventLog"
import type { Signals } from "@millrace/orchestration/streams/Signals"
import * as Access from "./auth/Access.ts"
import { type BindRefused, checkBind, isReachable } from "./auth/Bind.ts"
import { AccessConfig, sessionRequired } from "./auth/Session.ts"
import * as Tokens from "./auth/Tokens.ts"
import * as Api from "./http/Api.ts"
import * as Docs from "./http/Docs.ts"
import * as Allowance from "./http/Allowance.ts"
import * as Drain from "./http/Drain.ts"
import * as Subscribers from "./subscriptions/Subscribers.ts"
import * as Guard from "./http/Guard.ts"
import * as Health from "./http/Health.ts"
import * as MetricsRoute from "./metrics/MetricsRoute.ts"
import * as NotReady from "./http/NotReady.ts"
import * as ServerMetrics from "./metrics/ServerMetrics.ts"
import * as Mcp from "./mcp/Mcp.ts"
import * as PairRoutes from "./page/PairRoutes.ts"
import * as LogDisk from "./LogDisk.ts"
import { Lease } from "./http/Sse.ts"
import * as SubscriberScheduler from "./subscriptions/SubscriberScheduler.ts"
import * as PageRoutes from "./page/PageRoutes.ts"
import * as OpenAi from "./openai/OpenAi.ts"
import * as Rpc from "./rpc/Rpc.ts"
import { SessionTokens } from "./mcp/SessionTokens.ts"
import { Service } from "./Service.ts"
import { codeOf, messageOf } from "./NodeError.ts"

export interface Options {
  readonly host: string
  /** 0 picks a free port. */
  readonly port: number
  /** False only on loopback (X2). */
  readonly auth: boolean
  /** The directory of tokens and pairing codes. */
  readonly dataDir: string
  /** The bound of the log's file in bytes. Absent: no bound. */
  readonly maxLogBytes?: number | undefined
  /** Additional host names of this server, such as that of a proxy. */
  readonly allowedHosts?: ReadonlyArray<string>
  /** The server's origin behind a proxy, such as `https://millrace.example`. Used in pairing links and cookies. */
  readonly publicUrl?: string | undefined
  /** Addresses and networks of proxies whose `X-Forwarded-*` headers are trusted. */
  readonly trustProxy?: ReadonlyArray<string>
  /** Origins of pages elsewhere that may use the server with a bearer token. */
  readonly allowedOrigins?: ReadonlyArray<string>
  /** Grace period for connections to end when the scope closes; default 3 seconds. */
  readonly grace?: Duration.DurationInput
  /** The life of an SSE connection, plus or minus a quarter. Then it ends with `bye`, and its client reconnects. Default 5 minutes. */
  readonly lease?: Duration.DurationInput
  /** The limits of one token (R7). Default: no limit. */
  readonly allowance?: Allowance.Bounds
}

/** The server cannot listen on its address. */
export class CannotListen extends Schema.TaggedError<CannotListen>()("CannotListen", {
  host: Schema.String,
  port: Schema.Int,
  reason: Schema.Literal("port-in-use", "not-permitted", "no-such-address", "other"),
  message: Schema.String
}) {}

export class Server extends Context.Tag("@millrace/server/Server")<
  Server,
  {
    readonly host: string
    /** The actual port. */
    readonly port: number
    /** The URL for people and clients on this machine. */
    readonly url: string
    /** The URL that people open: the public URL if it is set, otherwise `url`. */
    readonly publicUrl: string
    /**
     * Ends all connections in order. Call it when every event that subscribers must receive is committed. Bounded by the grace period, after which
     * the remaining connections are cut. Then the scope may close.
     */
    readonly drain: (grace: Duration.DurationInput) => Effect.Effect<Drain.DrainReport>
    readonly routes: ReadonlyArray<Guard.Known>
    /** The current value of every metric. */
    readonly samples: ServerMetrics.ServerMetrics["Type"]["samples"]
  }
>() {}

const limits = { requestTimeout: 60_000, headersTimeout: 15_000, keepAliveTimeout: 10_000, maxHeaderSize: 32 * 1024 }
/** Maximum number of concurrent connections; Node drops further connections (X5). */
const maxConnections = 10_000

const cannotListen = ({ host, port }: Options, cause: unknown): CannotListen => {
  const failed = (reason: CannotListen["reason"], message: string) => new CannotListen({ host, port, reason, message })
  switch (codeOf(cause)) {
    case "EADDRINUSE":
      return failed(
        "port-in-use",
        `Port ${port} on ${host} is in use. Stop the program that uses it, or choose another port: --port 0 picks a free one.`
      )
    case "EACCES":
    case "EPERM":
      return failed("not-permitted", `This user may not listen on port ${port}. Choose a port above 1023.`)
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EINVAL":
      return failed(
        "no-such-address",
        `This machine has no address "${host}". Listen on 127.0.0.1, or on an address of this machine.`
      )
    default:
      return failed("other", `Cannot listen on ${host}:${port}: ${messageOf(cause)}. Choose another --host or --port.`)
  }
}

/** The server's URL on this machine. `0.0.0.0` and `::` cannot be opened, so the loopback address replaces them. */
const urlOf = (host: string, port: number): string => {
  const name = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`
}

const publicRoutes = Effect.map(Effect.all([Health.make, PairRoutes.make, PageRoutes.make]), (all) => all.flat())
/** Routes that describe the server and its interface. They need a token only when other machines can reach the server (decision 0081). */
const describing = Effect.map(Effect.all([MetricsRoute.make, Docs.make]), (all) => all.flat())

const routes = (options: Options) =>
  Layer.unwrapScoped(
    Effect.gen(function* () {
      const open = yield* publicRoutes
      const closed = yield* PairRoutes.makePrivate
      const described = yield* describing
      const describe = HttpLayerRouter.addAll(described)
      const known: ReadonlyArray<Guard.Known> = [
        ...open,
        ...closed,
        ...described,
        ...Object.values(ApiGroup.endpoints),
        ...OpenAi.known,
        ...Mcp.known,
        { method: "GET", path: "/rpc" }
      ]
      return Layer.mergeAll(
        HttpLayerRouter.addAll(open),
        Layer.provide(HttpLayerRouter.addAll(closed), sessionRequired.layer),
        isReachable(options) ? Layer.provide(describe, sessionRequired.layer) : describe,
        Api.layer,
        Rpc.layer,
        OpenAi.layer(options),
        Mcp.layer,
        Guard.layer(options, known),
        Layer.succeed(Guard.Routes, known)
      )
    })
  )

/** Serves the routes. A request whose URL is secret has no span, because a span contains the URL; no span has a token that a browser sends as a subprotocol (X4). */
const serve = (options: Options) =>
  HttpLayerRouter.serve(routes(options), { disableLogger: true, disableListenLog: true, routerConfig }).pipe(
    (layer) => HttpMiddleware.withTracerDisabledWhen(layer, ({ url }) => Access.isSecret(url)),
    (layer) => Layer.locallyWith(layer, Headers.currentRedactedNames, (names) => [...names, "sec-websocket-protocol"])
  )

/** Built on top of the routes, so that the gate is open only while they are attached (D16). */
const opened = (gate: NotReady.Gate) =>
  Layer.scopedDiscard(Effect.acquireRelease(Effect.sync(gate.open), () => Effect.sync(gate.close)))

/** Retention keeps the events that remote subscribers have not received. */
const keepingReaders = Layer.scopedDiscard(
  Effect.gen(function* () {
    const { addReaders } = yield* Service
    const { live } = yield* Subscribers.Registry
    yield* addReaders(() => Array.from(live, ({ position }) => position))
  })
)

/** The origin of the public URL, without a trailing slash. */
const publicUrlOf = ({ publicUrl }: Options): string | undefined =>
  publicUrl === undefined ? undefined : new URL(publicUrl).origin

const portOf = (node: NodeServer): number => {
  const address = node.address()
  return typeof address === "object" && address !== null ? address.port : 0
}

const service = (options: Options, node: NodeServer) =>
  Layer.effect(
    Server,
    Effect.gen(function* () {
      const drain = yield* Drain.Drain
      const { samples } = yield* ServerMetrics.ServerMetrics
      const routes = yield* Guard.Routes
      const port = portOf(node)
      const tokens = yield* Effect.serviceOption(SessionTokens)
      if (tokens._tag === "Some") yield* tokens.value.listening(urlOf(options.host, port))
      return {
        routes,
        host: options.host,
        port,
        url: urlOf(options.host, port),
        publicUrl: publicUrlOf(options) ?? urlOf(options.host, port),
        drain: drain.begin,
        samples
      }
    })
  )

/** Listens when built. Fails with `BindRefused` when it may not, with `CannotListen` when it cannot. */
export const layer = (options: Options): Layer.Layer<Server, BindRefused | CannotListen, Service | EventLog | Signals> =>
  Layer.unwrapEffect(
    Effect.gen(function* () {
      yield* Either.match(checkBind(options.host, options.auth, options.allowedOrigins), {
        onLeft: Effect.fail,
        onRight: () => Effect.void
      })
      const node = yield* Effect.sync(() => createServer(limits))
      const gate = NotReady.gate(node)
      node.maxConnections = maxConnections
      const grace = options.grace ?? "3 seconds"
      const access = Layer.succeed(AccessConfig, {
        auth: options.auth,
        port: () => portOf(node),
        publicUrl: publicUrlOf(options)
      })
      const http = Layer.mapError(
        NodeHttpServer.layerServer(() => node, { host: options.host, port: options.port }),
        (error) => cannotListen(options, error.cause)
      )
      const base = ServerMetrics.layer.pipe(
        Layer.provideMerge(LogDisk.layer({ dataDir: options.dataDir, maxFileBytes: options.maxLogBytes })),
        Layer.provideMerge(Drain.layer(node)),
        Layer.provideMerge(SubscriberScheduler.layer),
        Layer.provideMerge(keepingReaders),
        Layer.provideMerge(
          Layer.mergeAll(Tokens.layer(options.dataDir), access, Layer.sync(Subscribers.Registry, Subscribers.make))
        ),
        Layer.provideMerge(
          options.allowance === undefined ? Layer.empty : Layer.succeed(Allowance.Current, Allowance.make(options.allowance))
        ),
        Layer.provideMerge(options.lease === undefined ? Layer.empty : Layer.succeed(Lease, Duration.decode(options.lease)))
      )
      return Layer.merge(Drain.onClose(grace), service(options, node)).pipe(
        Layer.provide(BoundedLayer.make("The HTTP server", Layer.provideMerge(opened(gate), serve(options)))),
        Layer.provide(BoundedLayer.closing("4 seconds")),
        Layer.provide(Drain.cut("1 second")),
        Layer.provide(http),
        Layer.provide(base)
      )
    })
  )

/** Command ids have up to 200 characters, percent-encoded up to 600. */
const routerConfig = { maxParamLength: 600, ignoreTrailingSlash: true, caseSensitive: true }
