/**
 * Limits of one token (R7): requests per second, and concurrent event streams. An HTTP request (`/api`, `/v1`, `/metrics`) and an RPC call count as
 * one each. A token is identified by its name, the actor of its commands. Without authentication all clients share one allowance.
 */
import { Clock, Context, Effect } from "effect"
import { BoundedMap } from "@millrace/contracts/BoundedMap"
import { Overloaded } from "@millrace/contracts/Errors"
import type * as Subscribers from "../subscriptions/Subscribers.ts"

export interface Bounds {
  /** 0 = no limit. The same holds for the other limits. */
  readonly requestsPerSecond: number
  readonly streamsPerToken: number
}

interface Bucket {
  left: number
  at: number
}

/** Maximum number of tokens with a bucket. A further token evicts the least recently used bucket. */
const maxBuckets = 10_000

export interface AllowanceStats {
  readonly bounds: Bounds
  /** Number of requests and streams refused since the start. */
  readonly refused: Readonly<Record<"requests" | "streams", number>>
}

export interface Allowance {
  /** Counts one request. Fails with the time to wait when it exceeds the limit. */
  readonly request: (actor: string) => Effect.Effect<void, Overloaded>
  /** Whether one more stream would exceed the limit. If so, counts a refusal. */
  readonly crowded: (subscribers: Subscribers.Subscribers, actor: string) => boolean
  readonly stats: () => AllowanceStats
}

const tooFast = (retryAfterMillis: number) =>
  new Overloaded({
    message:
      "This token sends more requests than limits.requestsPerSecond allows. Send the request again after the time in Retry-After.",
    retryAfterMillis
  })

/** Milliseconds after which a client may retry a rejected stream. By then another stream of its token must have ended. */
export const streamRetryMillis = 5000

export const make = (bounds: Bounds): Allowance => {
  const buckets = new BoundedMap<string, Bucket>(maxBuckets)
  const refused = { requests: 0, streams: 0 }
  const { requestsPerSecond: rate, streamsPerToken } = bounds
  const burst = Math.max(1, rate * 2)
  return {
    request: (actor) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        if (rate === 0) return Effect.void
        const bucket = buckets.get(actor) ?? { left: burst, at: now }
        buckets.renew(actor, bucket)
        bucket.left = Math.min(burst, bucket.left + (Math.max(0, now - bucket.at) * rate) / 1000)
        bucket.at = now
        if (bucket.left >= 1) {
          bucket.left--
          return Effect.void
        }
        refused.requests++
        return tooFast(Math.max(1, Math.ceil(((1 - bucket.left) * 1000) / rate)))
      }),
    crowded: ({ live }, actor) => {
      if (streamsPerToken === 0) return false
      let count = 0
      for (const { name, transport } of live) if (name === actor && transport !== "long-poll") count++
      if (count < streamsPerToken) return false
      refused.streams++
      return true
    },
    stats: () => ({ bounds, refused })
  }
}

/** The limits of the server; the default is no limit. */
export class Current extends Context.Reference<Current>()("@millrace/server/Allowance", {
  defaultValue: (): Allowance => make({ requestsPerSecond: 0, streamsPerToken: 0 })
}) {}
