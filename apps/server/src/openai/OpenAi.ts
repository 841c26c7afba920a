/** The routes of the OpenAI-compatible interface. Access is checked as for `/api` (X1); errors have OpenAI's shape. */
import { HttpLayerRouter, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { Chunk, Context, Effect, type Either, Layer, Scope, Stream } from "effect"
import type { EventLog } from "@millrace/log/EventLog"
import * as StreamReconciler from "@millrace/orchestration/streams/StreamReconciler"
import { answerOf } from "@millrace/model/Item"
import type { TurnEnd } from "@millrace/orchestration/readmodel/TurnEnd"
import * as Scopes from "../auth/Scopes.ts"
import { type AccessConfig, ofRequest, Session } from "../auth/Session.ts"
import type { Tokens } from "../auth/Tokens.ts"
import * as Allowance from "../http/Allowance.ts"
import * as Body from "../http/Body.ts"
import type { SubscriberScheduler } from "../subscriptions/SubscriberScheduler.ts"
import type { Service } from "../Service.ts"
import * as CompletionRequest from "./CompletionRequest.ts"
import * as TurnCall from "./TurnCall.ts"
import * as Chat from "./Chat.ts"
import * as Failure from "./Failure.ts"
import * as ThreadMutex from "./ThreadMutex.ts"
import * as Models from "./Models.ts"
import * as TurnEvents from "./TurnEvents.ts"
import * as Responses from "./Responses.ts"
import * as StoredResponse from "./StoredResponse.ts"

export interface Options {
  /** Absolute path; calls without a directory run in its `scratch` folder. */
  readonly dataDir: string
}

type Needs = Service | EventLog | StreamReconciler.StreamReconciler | SubscriberScheduler | Tokens | AccessConfig

/** One of the two endpoints: how it reads a call and writes its turn. */
interface Endpoint {
  readonly decode: (body: unknown) => Either.Either<CompletionRequest.CompletionRequest, Failure.Failure>
  readonly whole: (call: TurnCall.TurnCall, end: TurnEnd) => object
  readonly stream: (call: TurnCall.TurnCall) => {
    readonly first: string
    readonly next: (event: TurnEvents.TurnEvent) => string
    readonly failed: (failure: Failure.Failure) => string
  }
}

const json = (value: unknown, headers?: Readonly<Record<string, string>>) =>
  HttpServerResponse.text(JSON.stringify(value), {
    contentType: "application/json; charset=utf-8",
    headers: { "cache-control": "private, no-store", ...headers }
  })

const streamed = (endpoint: Endpoint, call: TurnCall.TurnCall) =>
  Effect.gen(function* () {
    const context = yield* Effect.context<Session | Needs>()
    const writer = endpoint.stream(call)
    const body = TurnEvents.of(call.turn).pipe(
      Stream.tap((event) => Effect.sync(() => (event._tag === "end" || event._tag === "cut" ? call.markAnswered() : undefined))),
      Stream.map(writer.next),
      Stream.catchAll((error) => {
        call.markAnswered()
        return Stream.succeed(writer.failed(Failure.outcomeUnknown(call.turn.threadId, error.message)))
      }),
      // Sent at once, so that the headers are on the wire before the agent's first output.
      Stream.prepend(Chunk.of(writer.first)),
      Stream.filter((text) => text !== ""),
      Stream.map((text) => Buffer.from(text)),
      Stream.provideContext(context)
    )
    return HttpServerResponse.stream(body, {
      contentType: "text/event-stream; charset=utf-8",
      headers: { "cache-control": "private, no-cache, no-transform", "x-accel-buffering": "no", ...call.headers }
    })
  })

/** Waits for the end of the turn and answers with all its items. */
const answered = (endpoint: Endpoint, call: TurnCall.TurnCall) =>
  Effect.gen(function* () {
    const last = yield* Effect.mapError(Stream.runLast(TurnEvents.of(call.turn, { events: false })), (error) =>
      Failure.outcomeUnknown(call.turn.threadId, error.message)
    )
    call.markAnswered()
    const event = last._tag === "Some" ? last.value : undefined
    if (event?._tag === "end")
      return event.end.outcome === "completed"
        ? json(endpoint.whole(call, event.end), call.headers)
        : Failure.respond(Failure.fromEnd(event.end), call.headers, answerOf(event.end.items))
    return Failure.respond(
      Failure.streamCut(
        event?._tag === "cut"
          ? event.message
          : "The outcome of the turn was not read. Read it at /api/threads before you send the call again."
      ),
      call.headers
    )
  }).pipe(
    Effect.catchTag("Failure", (failure) => Effect.succeed(Failure.respond(failure, call.headers))),
    // The turn was started, so a status that clients retry would start a second turn.
    Effect.catchAllDefect((defect) =>
      Effect.as(
        Effect.logError("Cannot send the end of a call", defect),
        Failure.respond(Failure.outcomeUnknown(call.turn.threadId, "internal error; see the server's log."), call.headers)
      )
    )
  )

/** Provides the session of the request if its scope permits the route. Otherwise answers with an error in OpenAI's shape. */
const withSession = <R>(handler: Effect.Effect<HttpServerResponse.HttpServerResponse, Failure.Failure, R | Session>) =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const session = yield* Effect.mapError(ofRequest(request), Failure.fromWire)
    yield* Effect.mapError((yield* Allowance.Current).request(session.actor), Failure.fromWire)
    const { route } = yield* HttpLayerRouter.RouteContext
    yield* Effect.mapError(Scopes.permit(session.scope, Scopes.ofRoute(route)), Failure.fromWire)
    return yield* Effect.provideService(handler, Session, session)
  }).pipe(Effect.catchTag("Failure", (failure) => Effect.succeed(Failure.respond(failure))))

const turn = (endpoint: Endpoint, options: Options & { readonly locks: ThreadMutex.ThreadMutex }) =>
  withSession(
    Effect.gen(function* () {
      const request = yield* HttpServerRequest.HttpServerRequest
      const body = yield* Effect.mapError(Body.ofSession(request, yield* Session), Failure.fromWire)
      const call = yield* TurnCall.begin(request, endpoint.decode(body), options)
      return yield* (call.request.stream ? streamed : answered)(endpoint, call)
    })
  )

const model = Effect.gen(function* () {
  const { params } = yield* HttpLayerRouter.RouteContext
  return json(yield* Models.one(params["model"] ?? ""))
})

const idOf = Effect.map(HttpLayerRouter.RouteContext, ({ params }) => params["id"] ?? "")
const response = Effect.flatMap(idOf, (id) => Effect.map(StoredResponse.response(id), (found) => json(found)))
const inputItems = Effect.flatMap(idOf, (id) => Effect.map(StoredResponse.inputItems(id), (found) => json(found)))

const chat: Endpoint = { decode: CompletionRequest.fromChat, whole: Chat.whole, stream: Chat.stream }
const responses: Endpoint = { decode: CompletionRequest.fromResponses, whole: Responses.whole, stream: Responses.stream }

/** The routes for the guard, which distinguishes a wrong method from an unknown path. */
export const known = [
  { method: "POST", path: "/v1/chat/completions" },
  { method: "POST", path: "/v1/responses" },
  { method: "GET", path: "/v1/responses/:id" },
  { method: "GET", path: "/v1/responses/:id/input_items" },
  { method: "GET", path: "/v1/models" },
  { method: "GET", path: "/v1/models/:model" }
] as const

/** The routes use the services of the server, but the scope of their request: its end is how a disconnect is noticed. */
const routes = (options: Options) =>
  Effect.map(Effect.context<Needs>(), (server) => {
    const context = Context.omit(Scope.Scope)(server as Context.Context<Needs | Scope.Scope>)
    const calls = { ...options, locks: ThreadMutex.make() }
    return [
      HttpLayerRouter.route("POST", "/v1/chat/completions", Effect.provide(turn(chat, calls), context)),
      HttpLayerRouter.route("POST", "/v1/responses", Effect.provide(turn(responses, calls), context)),
      HttpLayerRouter.route("GET", "/v1/responses/:id", Effect.provide(withSession(response), context)),
      HttpLayerRouter.route("GET", "/v1/responses/:id/input_items", Effect.provide(withSession(inputItems), context)),
      HttpLayerRouter.route(
        "GET",
        "/v1/models",
        Effect.provide(withSession(Effect.map(Models.list, (all) => json(all))), context)
      ),
      HttpLayerRouter.route("GET", "/v1/models/:model", Effect.provide(withSession(model), context))
    ]
  })

export const layer = (options: Options) => Layer.provide(HttpLayerRouter.addAll(routes(options)), StreamReconciler.layer())
