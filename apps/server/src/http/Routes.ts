/**
 * Serves the endpoints of the contract (`Api.ts`) with the contract's errors. A request that does not decode is a `BadRequest` that names the
 * field. An id that cannot exist is `NotFound`. The types check that every endpoint has a handler.
 */
import { type HttpApiEndpoint, HttpLayerRouter, HttpServerRequest, HttpServerResponse, type HttpApiGroup } from "@effect/platform"
import { Effect, Option, ParseResult, Schema } from "effect"
import type { ApiGroup } from "@millrace/contracts/Api"
import { NotFound } from "@millrace/contracts/Errors"
import { Session } from "../auth/Session.ts"
import * as Body from "./Body.ts"
import * as Respond from "./Respond.ts"
import * as Strict from "./Strict.ts"
import { routed } from "./Target.ts"

type Endpoints = HttpApiGroup.HttpApiGroup.Endpoints<typeof ApiGroup>
export type Name = Endpoints["name"]
type Named<N extends Name> = HttpApiEndpoint.HttpApiEndpoint.WithName<Endpoints, N>

/** One handler per endpoint. It gets the decoded request, and returns the endpoint's success value or a whole response. */
export type Handlers = {
  readonly [N in Name]: (
    request: HttpApiEndpoint.HttpApiEndpoint.Request<Named<N>>
  ) => Effect.Effect<
    HttpApiEndpoint.HttpApiEndpoint.Success<Named<N>> | HttpServerResponse.HttpServerResponse,
    Respond.WireError,
    Session | HttpServerRequest.HttpServerRequest
  >
}

const decodePath = (schema: Option.Option<Schema.Schema.All>) =>
  Option.map(schema, (some) => Schema.decodeUnknown(some as Schema.Schema<unknown>, { errors: "first" }))

/** The router calls the rest of a path `*` (`Target.routed`). */
const paramsOf = ({ "*": path, ...params }: Readonly<Record<string, string | undefined>>) =>
  path === undefined ? params : { ...params, path }

const nothingAt = (params: Readonly<Record<string, string | undefined>>) => (error: ParseResult.ParseError) => {
  const id = String(Object.values(params)[0])
  const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
  return new NotFound({ what: "path", id, message: `There is no route at this path: ${issue?.message ?? id}.` })
}

const decode = (schema: Option.Option<Schema.Schema.All>, where: string): Strict.Decoder<unknown> =>
  Option.match(schema, {
    onNone: () => Strict.nothing(where),
    onSome: (some) => Strict.decoder(some as Schema.Schema<unknown>, where)
  })

/** Endpoints whose handler reads the body itself. */
const readsItself: ReadonlySet<string> = new Set<Name>(["importThread", "putBlob"])
/** Parameters that may be given more than once. */
const repeated: ReadonlySet<string> = new Set(["stream"])

const handle = (endpoint: HttpApiEndpoint.HttpApiEndpoint.AnyWithProps, handler: Handlers[Name]) => {
  const path = decodePath(endpoint.pathSchema)
  const urlParams = decode(endpoint.urlParamsSchema, "query")
  const headers = decode(endpoint.headersSchema, "headers")
  const payload = endpoint.name === "dispatch" ? Strict.command("body") : decode(endpoint.payloadSchema, "body")
  const hasBody = endpoint.method === "POST" && !readsItself.has(endpoint.name)
  // The endpoint's schemas decode the input of its handler: the type `Handlers` ensures that.
  const run = handler as (request: unknown) => ReturnType<Handlers[Name]>
  return Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const route = yield* HttpLayerRouter.RouteContext
    const search = yield* HttpServerRequest.ParsedSearchParams
    const input: Record<string, unknown> = { request }
    if (Option.isSome(path)) input["path"] = yield* Effect.mapError(path.value(paramsOf(route.params)), nothingAt(route.params))
    const mode = yield* Strict.modeOf(request.headers)
    input["urlParams"] = yield* urlParams(yield* Strict.query(search, repeated), mode)
    // Lenient, because a request has many other headers; `modeOf` has checked the headers of Millrace.
    if (Option.isSome(endpoint.headersSchema)) input["headers"] = yield* headers(request.headers, "lenient")
    if (hasBody) input["payload"] = yield* payload(yield* Body.ofSession(request, yield* Session), mode)
    const answer = yield* run(input)
    return HttpServerResponse.isServerResponse(answer) ? answer : Respond.json(answer)
  }).pipe(Effect.catchAll((error) => Effect.succeed(Respond.error(error))))
}

/** The routes of a group. */
export const make = (group: typeof ApiGroup, handlers: Handlers) => {
  // The group has one type for each endpoint. This list has one type for all.
  const endpoints = Object.values(group.endpoints) as unknown as ReadonlyArray<HttpApiEndpoint.HttpApiEndpoint.AnyWithProps>
  return endpoints.map((endpoint) =>
    HttpLayerRouter.route(
      endpoint.method as "GET" | "POST",
      routed(endpoint.path) as `/${string}`,
      handle(endpoint, handlers[endpoint.name as Name])
    )
  )
}
