/** `/health` and `/ready`: no token, no names of this machine, any Host. 200 for `ok` only (D16). */
import { HttpLayerRouter, HttpServerResponse } from "@effect/platform"
import { Effect } from "effect"
import type { Ready } from "@millrace/contracts/Ready"
import { Service } from "../Service.ts"
import { Drain } from "./Drain.ts"

/** Paths that answer to every Host: what watches a server may know it by another name. */
export const paths: ReadonlySet<string> = new Set(["/health", "/ready"])

export const answer = (ready: Ready): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(JSON.stringify(ready), {
    status: ready.status === "ok" ? 200 : 503,
    contentType: "application/json; charset=utf-8",
    headers: { "cache-control": "no-store", ...(ready.status !== "ok" && { "retry-after": "1" }) }
  })

/** What the service says, until the transports end. */
export const now: Effect.Effect<Effect.Effect<Ready>, never, Service | Drain> = Effect.zipWith(Service, Drain, (service, drain) =>
  Effect.suspend(() => (drain.draining() ? Effect.succeed<Ready>({ status: "draining" }) : service.ready))
)

export const make = Effect.map(now, (ready) =>
  [...paths].map((path) => HttpLayerRouter.route("GET", path as `/${string}`, Effect.map(ready, answer)))
)
