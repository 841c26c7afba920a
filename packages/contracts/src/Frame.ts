/** What a follower receives, on every transport. Only `event` frames carry an id and change state (D5). */
import { Schema } from "effect"
import type { LogEvent } from "./Event.ts"
import { Offset } from "./Ids.ts"
import { Signal } from "./Signal.ts"

/** Passed through, not rebuilt: `JSON.stringify` of it gives the bytes that were committed, on every transport (D9). */
const CommittedEvent = Schema.declare(
  (value: unknown): value is LogEvent => typeof value === "object" && value !== null && "offset" in value && "type" in value,
  { identifier: "LogEvent", jsonSchema: { type: "object" } }
)

/** `cursor` is the event's id: come back with it as `after`. */
export const EventFrame = Schema.TaggedStruct("event", { cursor: Schema.String, event: CommittedEvent })
export type EventFrame = typeof EventFrame.Type

export const ControlFrame = Schema.Union(
  /**
   * Once per attach (D6): everything up to `head`, where the log stood when the reader came, has been delivered. `replayed` = events of this
   * attach before this frame; `requests` = how many requests wait for a person at `head`, of the followed stream where one is followed.
   */
  Schema.TaggedStruct("caught-up", { head: Offset, replayed: Schema.Int, requests: Schema.Int }),
  Schema.TaggedStruct("heartbeat", { head: Offset }),
  /** Ephemeral; the next event supersedes it (D12). Comes only to who has everything up to the head. */
  Schema.TaggedStruct("signal", { signal: Signal }),
  /** The server goes down, or the lease is over: come back with `resumeAfter`. */
  Schema.TaggedStruct("bye", { reason: Schema.String, resumeAfter: Schema.String }),
  /** There can be no more events on this stream. */
  Schema.TaggedStruct("end", { reason: Schema.String })
)
export type ControlFrame = typeof ControlFrame.Type

/** The `reason` of a `bye` with which nothing is wrong: the connection had its time. Come back at once. */
export const leaseOver = "lease"

export const Frame = Schema.Union(EventFrame, ControlFrame)
export type Frame = typeof Frame.Type

/** In process, best effort: `skipped` events of this subscription in `from`..`to` were left out. Comes before the next delivered event. */
export const Lagged = Schema.TaggedStruct("lagged", { from: Offset, to: Offset, skipped: Schema.Int })
export type Lagged = typeof Lagged.Type

/** What a subscription in process receives. */
export const SubscriptionFrame = Schema.Union(Frame, Lagged)
export type SubscriptionFrame = typeof SubscriptionFrame.Type
