/**
 * `/health` and `/ready`. They need no token and accept any Host. They return 200 for `ok` only (D16). The reason of `unavailable` contains the path of the data
 * directory, or of a file in it.
 */
import { HttpLayerRouter, HttpServerResponse } from "@effect/platform"
import { Effect } from "effect"
import type { Ready } from "@millrace/contracts/Ready"
import { Service } from "../Service.ts"
import { Drain } from "./Drain.ts"

/** Paths that accept every Host, because a monitor may know the server by another name. */
export const paths: ReadonlySet<string> = new Set(["/health", "/ready"])

export const answer = (ready: Ready): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(JSON.stringify(ready), {
    status: ready.status === "ok" ? 200 : 503,
    contentType: "application/json; charset=utf-8",
    headers: { "cache-control": "no-store", ...(ready.status !== "ok" && { "retry-after": "1" }) }
  })

/** The readiness of the service, or `draining` while the transports drain. */
export const readiness: Effect.Effect<Effect.Effect<Ready>, never, Service | Drain> = Effect.zipWith(
  Service,
  Drain,
  (service, drain) => Effect.suspend(() => (drain.draining() ? Effect.succeed<Ready>({ status: "draining" }) : service.ready))
)

export const make = Effect.map(readiness, (ready) =>
  [...paths].map((path) => HttpLayerRouter.route("GET", path as `/${string}`, Effect.map(ready, answer)))
)
