/**
 * What one token may use of the server (R7): requests in a second, and event streams at once. A request of HTTP (`/api`, `/v1`, `/metrics`) and a call of
 * RPC count as one each. A token is known by its name, as the actor of commands; without authentication everybody is one.
 */
import { Clock, Context, Effect } from "effect"
import { Overloaded } from "@millrace/contracts/Errors"
import type * as Followers from "./Followers.ts"

export interface Bounds {
  /** Each 0 = any number. */
  readonly requestsPerSecond: number
  readonly streamsPerToken: number
}

interface Bucket {
  left: number
  at: number
}

/** Tokens whose use is remembered; of more, the one that asked longest ago begins anew. */
const kept = 10_000

export interface Figures {
  readonly bounds: Bounds
  /** Requests and streams that were refused so far. */
  readonly refused: Readonly<Record<"requests" | "streams", number>>
}

export interface Allowance {
  /** Counts one request. Fails with the time to wait when it is one too many. */
  readonly request: (actor: string) => Effect.Effect<void, Overloaded>
  /** Whether one more stream would be one too many. */
  readonly crowded: (followers: Followers.Followers, actor: string) => boolean
  readonly figures: () => Figures
}

const tooFast = (retryAfterMillis: number) =>
  new Overloaded({
    message: "This token sends more requests than limits.requestsPerSecond allows. Send the request again after that time.",
    retryAfterMillis
  })

/** How long a stream waits that was one too many, in milliseconds: another one has to end first. */
export const streamRetryMillis = 5000

export const make = (bounds: Bounds): Allowance => {
  const buckets = new Map<string, Bucket>()
  const refused = { requests: 0, streams: 0 }
  const { requestsPerSecond: rate, streamsPerToken } = bounds
  const most = Math.max(1, rate * 2)
  return {
    request: (actor) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        if (rate === 0) return Effect.void
        const bucket = buckets.get(actor) ?? { left: most, at: now }
        buckets.delete(actor)
        buckets.set(actor, bucket)
        for (const oldest of buckets.keys()) {
          if (buckets.size <= kept) break
          buckets.delete(oldest)
        }
        bucket.left = Math.min(most, bucket.left + (Math.max(0, now - bucket.at) * rate) / 1000)
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
    figures: () => ({ bounds, refused })
  }
}

/** Default: any number. */
export class Current extends Context.Reference<Current>()("@millrace/server/Allowance", {
  defaultValue: (): Allowance => make({ requestsPerSecond: 0, streamsPerToken: 0 })
}) {}
