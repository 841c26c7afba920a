/** The frames that a subscriber receives, on every transport. Only `event` frames carry an id and change state (D5). */
import { Predicate, Schema } from "effect"
import type { LogEvent } from "./Event.ts"
import { Offset } from "./Ids.ts"
import { Signal } from "./Signal.ts"

/** Passed through unchanged: `JSON.stringify` returns the committed bytes, on every transport (D9). */
const CommittedEvent = Schema.declare(
  (value: unknown): value is LogEvent => typeof value === "object" && value !== null && "offset" in value && "type" in value,
  { identifier: "Event", jsonSchema: { type: "object" } }
)

/** `cursor` is the event's id. Pass it as `after` to resume. */
export const EventFrame = Schema.TaggedStruct("event", { cursor: Schema.String, event: CommittedEvent }).annotations({
  identifier: "EventFrame",
  description: "An event of the log. Pass `cursor` as `after` to resume after it."
})
export type EventFrame = typeof EventFrame.Type

export const ControlFrame = Schema.Union(
  /** Once per connection (D6). */
  Schema.TaggedStruct("caught-up", {
    head: Offset.annotations({ description: "The head of the log when you connected." }),
    replayed: Schema.Int.annotations({ description: "The number of events of this connection before this frame." }),
    requests: Schema.Int.annotations({
      description: "The number of requests that are open at `head`. If you follow one stream, only its requests count."
    })
  }).annotations({
    identifier: "CaughtUpFrame",
    description: "Once per connection, after every event up to `head`. Later events are new."
  }),
  Schema.TaggedStruct("heartbeat", { head: Offset }).annotations({
    identifier: "HeartbeatFrame",
    description: "Every 15 seconds at the head. A connection without frames for 45 seconds is lost."
  }),
  /** Ephemeral (D12). */
  Schema.TaggedStruct("signal", { signal: Signal }).annotations({
    identifier: "SignalFrame",
    description: "Progress, only for subscribers that are caught up. The next event supersedes it."
  }),
  Schema.TaggedStruct("bye", {
    reason: Schema.String,
    resumeAfter: Schema.String.annotations({ description: "Reconnect with this cursor." }),
    retryAfterMillis: Schema.optional(Schema.Int).annotations({ description: "Reconnect no sooner than this." })
  }).annotations({
    identifier: "ByeFrame",
    description: "The server shuts down, the lease of the connection expired (`lease`), or a limit is reached (`limit`)."
  }),
  Schema.TaggedStruct("end", { reason: Schema.String }).annotations({
    identifier: "EndFrame",
    description: "The stream can have no more events. Do not reconnect."
  })
)
export type ControlFrame = typeof ControlFrame.Type

/** The `reason` of a `bye` when the lease of the connection expired. This is no failure. Reconnect at once. */
export const leaseOver = "lease"
/** The `reason` of a `bye` that rejects a stream because the token has reached a limit. Reconnect after `retryAfterMillis`. */
export const limitReached = "limit"

export const Frame = Schema.Union(EventFrame, ControlFrame)
export type Frame = typeof Frame.Type

/** The first frame of each SSE and RPC connection: the epoch and the head of the log. In-process subscriptions do not get it. */
export const OpenFrame = Schema.TaggedStruct("open", { logEpoch: Schema.String, head: Offset }).annotations({
  identifier: "OpenFrame",
  description: "The first frame of each connection: the epoch and the head of the log."
})
export type OpenFrame = typeof OpenFrame.Type

const known: Record<(Frame | OpenFrame)["_tag"], true> = {
  open: true,
  event: true,
  "caught-up": true,
  heartbeat: true,
  signal: true,
  bye: true,
  end: true
}

/** A control frame of a newer server. It changes no state. Clients ignore it (D5). */
export const UnknownFrame = Schema.declare(
  (value: unknown): value is { readonly _tag: string } =>
    Predicate.hasProperty(value, "_tag") && typeof value._tag === "string" && !Object.hasOwn(known, value._tag),
  { identifier: "UnknownFrame", jsonSchema: { type: "object" } }
)

/** Every frame of a connection. A client emits only those of type `Frame`. */
export const WireFrame = Schema.Union(Frame, OpenFrame, UnknownFrame)
export type WireFrame = typeof WireFrame.Type
export const isFrame = (frame: WireFrame): frame is Frame => frame._tag !== "open" && Object.hasOwn(known, frame._tag)

/**
 * In-process subscriptions with best-effort delivery get this frame. It says that `skipped` of their events in `from`..`to` were dropped. It comes before
 * the next event.
 */
export const Lagged = Schema.TaggedStruct("lagged", { from: Offset, to: Offset, skipped: Schema.Int })
export type Lagged = typeof Lagged.Type

/** The frames of an in-process subscription. */
export const SubscriptionFrame = Schema.Union(Frame, Lagged)
export type SubscriptionFrame = typeof SubscriptionFrame.Type
