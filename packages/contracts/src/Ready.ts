/** What `GET /ready` and `GET /health` answer: whether the server takes requests. 200 for `ok` only; everything else is 503 with `Retry-After`. */
import { Schema } from "effect"

export const Ready = Schema.Struct({
  status: Schema.Literal("starting", "ok", "draining", "unavailable").annotations({
    description:
      "`starting`: it listens, its routes are not there yet. `draining`: it takes nothing new and ends. `unavailable`: see the reason."
  }),
  reason: Schema.optional(Schema.String).annotations({ description: "For people: what is wrong, and what to do next." })
})
export type Ready = typeof Ready.Type

export const ok: Ready = { status: "ok" }
