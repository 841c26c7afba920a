/**
 * Serves the endpoints of the contract (`Api.ts`) with the wire's own errors: what does not decode is a `BadRequest` that names the
 * field, an id that cannot exist is `NotFound`, and every error has its status and its advice. Completeness is checked by the types.
 */
import { type HttpApiEndpoint, HttpLayerRouter, HttpServerRequest, HttpServerResponse, type HttpApiGroup } from "@effect/platform"
import { Effect, Option, ParseResult, Schema } from "effect"
import type { ApiGroup } from "@millrace/contracts/Api"
import { CommandBody } from "@millrace/contracts/Command"
import { BadRequest, NotFound } from "@millrace/contracts/Errors"
import type { Session } from "../auth/Session.ts"
import * as Body from "./Body.ts"
import * as Respond from "./Respond.ts"

type Endpoints = HttpApiGroup.HttpApiGroup.Endpoints<typeof ApiGroup>
export type Name = Endpoints["name"]
type Named<N extends Name> = HttpApiEndpoint.HttpApiEndpoint.WithName<Endpoints, N>

/** One handler per endpoint: decoded request in, the endpoint's success value or a whole response out. */
export type Handlers = {
  readonly [N in Name]: (
    request: HttpApiEndpoint.HttpApiEndpoint.Request<Named<N>>
  ) => Effect.Effect<
    HttpApiEndpoint.HttpApiEndpoint.Success<Named<N>> | HttpServerResponse.HttpServerResponse,
    Respond.WireError,
    Session | HttpServerRequest.HttpServerRequest
  >
}

const issueOf = (error: ParseResult.ParseError) => ParseResult.ArrayFormatter.formatErrorSync(error)[0]

const badRequest = (where: string) => (error: ParseResult.ParseError) => {
  const issue = issueOf(error)
  const path = issue?.path.map(String).join(".") ?? ""
  const place = path === "" ? where : `${where}: ${path.slice(0, 200)}`
  // An issue quotes what was sent, however large.
  const what = issue?.message.slice(0, 500) ?? "it cannot be read"
  return new BadRequest({ message: `${place}: ${what}`, ...(path !== "" && { path: path.slice(0, 200) }) })
}

const types = Object.keys(CommandBody).join(", ")

/** A union of commands cannot say which one was meant: an unknown type is answered with the known ones. */
const knownCommand = (body: unknown): Effect.Effect<unknown, BadRequest> => {
  const type: unknown = typeof body === "object" && body !== null && "type" in body ? body.type : undefined
  if (typeof type === "string" && Object.hasOwn(CommandBody, type)) return Effect.succeed(body)
  const said = type === undefined ? "The body has no `type`" : `Unknown command type ${JSON.stringify(type)?.slice(0, 100)}`
  return Effect.fail(new BadRequest({ path: "type", message: `${said}. Send one of: ${types}.` }))
}

const decode = (schema: Option.Option<Schema.Schema.All>) =>
  Option.map(schema, (some) => Schema.decodeUnknown(some as Schema.Schema<unknown>, { errors: "first" }))

const handle = (endpoint: HttpApiEndpoint.HttpApiEndpoint.AnyWithProps, handler: Handlers[Name]) => {
  const path = decode(endpoint.pathSchema)
  const urlParams = decode(endpoint.urlParamsSchema)
  const headers = decode(endpoint.headersSchema)
  const payload = decode(endpoint.payloadSchema)
  // The schemas of this endpoint decode what the handler of this endpoint takes: `Handlers` ties the two by name.
  const run = handler as (request: unknown) => ReturnType<Handlers[Name]>
  return Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const route = yield* HttpLayerRouter.RouteContext
    const search = yield* HttpServerRequest.ParsedSearchParams
    const input: Record<string, unknown> = { request }
    if (Option.isSome(path))
      input["path"] = yield* Effect.mapError(path.value(route.params), (error) => {
        const id = String(Object.values(route.params)[0])
        return new NotFound({ what: "path", id, message: `There is nothing at this path: ${issueOf(error)?.message ?? id}.` })
      })
    if (Option.isSome(urlParams)) input["urlParams"] = yield* Effect.mapError(urlParams.value(search), badRequest("query"))
    if (Option.isSome(headers)) input["headers"] = yield* Effect.mapError(headers.value(request.headers), badRequest("headers"))
    if (Option.isSome(payload)) {
      const body = yield* Body.json(request)
      if (endpoint.name === "dispatch") yield* knownCommand(body)
      input["payload"] = yield* Effect.mapError(payload.value(body), badRequest("body"))
    }
    const answer = yield* run(input)
    return HttpServerResponse.isServerResponse(answer) ? answer : Respond.json(answer)
  }).pipe(Effect.catchAll((error) => Effect.succeed(Respond.error(error))))
}

/** The routes of a group. */
export const make = (group: typeof ApiGroup, handlers: Handlers) => {
  // The group's type keeps each endpoint apart; here they are a list.
  const endpoints = Object.values(group.endpoints) as unknown as ReadonlyArray<HttpApiEndpoint.HttpApiEndpoint.AnyWithProps>
  return endpoints.map((endpoint) =>
    HttpLayerRouter.route(
      endpoint.method as "GET" | "POST",
      endpoint.path as `/${string}`,
      handle(endpoint, handlers[endpoint.name as Name])
    )
  )
}
