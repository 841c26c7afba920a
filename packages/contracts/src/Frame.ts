/** What a follower receives, on every transport. Only `event` frames carry an id and change state (D5). */
import { Predicate, Schema } from "effect"
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

/** The first frame of each connection over SSE and RPC: the log that answers, and where it stands. In process there is no connection and no such frame. */
export const OpenFrame = Schema.TaggedStruct("open", { logEpoch: Schema.String, head: Offset })
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

/** A control frame of a newer server. It changes nothing: a client leaves it out (D5). */
export const UnknownFrame = Schema.declare(
  (value: unknown): value is { readonly _tag: string } =>
    Predicate.hasProperty(value, "_tag") && typeof value._tag === "string" && !Object.hasOwn(known, value._tag),
  { identifier: "UnknownFrame", jsonSchema: { type: "object" } }
)

/** What a connection carries. A client gives out the `Frame`s of it. */
export const WireFrame = Schema.Union(Frame, OpenFrame, UnknownFrame)
export type WireFrame = typeof WireFrame.Type
export const isFrame = (frame: WireFrame): frame is Frame => frame._tag !== "open" && Object.hasOwn(known, frame._tag)

/** In process, best effort: `skipped` events of this subscription in `from`..`to` were left out. Comes before the next delivered event. */
export const Lagged = Schema.TaggedStruct("lagged", { from: Offset, to: Offset, skipped: Schema.Int })
export type Lagged = typeof Lagged.Type

/** What a subscription in process receives. */
export const SubscriptionFrame = Schema.Union(Frame, Lagged)
export type SubscriptionFrame = typeof SubscriptionFrame.Type
