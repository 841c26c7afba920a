/** Body of `GET /ready` and `GET /health`: whether the server accepts requests. 200 only for `ok`; otherwise 503 with `Retry-After`. */
import { Schema } from "effect"

export const Ready = Schema.Struct({
  status: Schema.Literal("starting", "ok", "draining", "unavailable").annotations({
    description:
      "`starting`: the server listens, its routes are not ready. `draining`: it accepts nothing new and shuts down. `unavailable`: see `reason`."
  }),
  reason: Schema.optional(Schema.String).annotations({ description: "For people: the fault, and what to do next." })
}).annotations({ identifier: "Ready" })
export type Ready = typeof Ready.Type

export const ok: Ready = { status: "ok" }
