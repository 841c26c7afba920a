/** Filters of thread lists and of the log. */
import { Schema } from "effect"
import { eventTypes } from "./EventTypes.ts"
import { ProjectId, StreamName } from "./Ids.ts"
import { oneOf } from "./OneOf.ts"
import { Label } from "./Labels.ts"
import { Search } from "./Search.ts"
import { ThreadStatus } from "./State.ts"

/** Selects the threads that meet every given condition. */
export const ThreadFilter = Schema.Struct({
  archived: Schema.optional(Schema.Boolean),
  status: Schema.optional(oneOf(...ThreadStatus.literals)),
  provider: Schema.optional(Schema.String.pipe(Schema.maxLength(200))),
  project: Schema.optional(ProjectId),
  label: Schema.optional(Label),
  search: Schema.optional(Search)
})
/** `undefined` means absent: neither is sent over the wire. */
export type ThreadFilter = { readonly [K in keyof typeof ThreadFilter.Type]: (typeof ThreadFilter.Type)[K] }

/** The most streams that one filter may name. */
export const maxStreams = 32
const maxTypes = 64

/** One stream, or several streams. */
export const Streams = Schema.Union(
  StreamName,
  Schema.Array(StreamName).pipe(
    Schema.minItems(1),
    Schema.maxItems(maxStreams, { message: () => `at most ${maxStreams} streams can be named` })
  )
)
export type Streams = typeof Streams.Type

/** Event types that the log itself writes. */
const ofLog = ["log.corrupt", "log.forgotten", "log.rewound"]
const known: ReadonlyArray<string> = [...eventTypes, ...ofLog]

/** Whether a pattern (`turn.started`, `turn.*` or `*`) matches the type. */
const fits = (pattern: string, type: string): boolean =>
  pattern === "*" || pattern === type || (pattern.endsWith(".*") && type.startsWith(pattern.slice(0, -1)))

/** An event type or a prefix of event types. Rejects a pattern that matches no event type of this version. */
export const EventTypePattern = Schema.String.pipe(
  Schema.filter((pattern) => known.some((type) => fits(pattern, type)), {
    message: () => "expected an event type like turn.started, or a prefix like turn.*; docs/clients.md lists the types"
  })
)

export const EventTypes = Schema.Array(EventTypePattern).pipe(
  Schema.minItems(1),
  Schema.maxItems(maxTypes, { message: () => `at most ${maxTypes} types can be named` })
)
export type EventTypes = typeof EventTypes.Type

/** The filter of a subscription. Without both fields it accepts all events. */
export interface EventFilter {
  readonly stream?: Streams | undefined
  readonly types?: EventTypes | undefined
}

/** The streams of a filter. Absent: all streams. */
export const streamsOf = ({ stream }: EventFilter): ReadonlyArray<StreamName> | undefined =>
  stream === undefined ? undefined : typeof stream === "string" ? [stream] : [...new Set(stream)]

/** Whether the delivered events have gaps in both offsets and versions: with a type filter, or with more than one stream. */
export const isSparse = (filter: EventFilter): boolean => filter.types !== undefined || (streamsOf(filter)?.length ?? 0) > 1

/** Whether to deliver an event. A `log.corrupt` passes every type filter, because the type of the original event is unknown (L6). */
export const accepts = (filter: EventFilter): ((event: { readonly stream: string; readonly type: string }) => boolean) => {
  const streams = streamsOf(filter)
  const named = streams === undefined ? undefined : new Set<string>(streams)
  const { types } = filter
  return ({ stream, type }) =>
    (named === undefined || named.has(stream)) &&
    (types === undefined || type === "log.corrupt" || types.some((pattern) => fits(pattern, type)))
}

/** A key that is equal for equal filters. `undefined` for the filter that accepts all events. */
export const filterKey = (filter: EventFilter): string | undefined => {
  const streams = streamsOf(filter)
  if (streams === undefined && filter.types === undefined) return undefined
  return [...(streams ?? ["*"]).toSorted(), ...new Set((filter.types ?? []).toSorted())].join(",")
}
