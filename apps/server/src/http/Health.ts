/** `/health` and `/ready`: no token, no names of this machine, any Host. 503 from the moment admission closes. */
import { HttpLayerRouter, HttpServerResponse } from "@effect/platform"
import { Effect } from "effect"
import { Service } from "../Service.ts"
import { Drain } from "./Drain.ts"

const answer = (draining: boolean) =>
  HttpServerResponse.text(`{"status":"${draining ? "draining" : "ok"}"}`, {
    status: draining ? 503 : 200,
    contentType: "application/json; charset=utf-8",
    headers: { "cache-control": "no-store", ...(draining && { "retry-after": "1" }) }
  })

/** Paths that answer to every Host: what watches a server may know it by another name. */
export const paths: ReadonlySet<string> = new Set(["/health", "/ready"])

export const make = Effect.gen(function* () {
  const service = yield* Service
  const drain = yield* Drain
  const handler = Effect.map(service.draining, (draining) => answer(draining || drain.draining()))
  return [...paths].map((path) => HttpLayerRouter.route("GET", path as `/${string}`, handler))
})
