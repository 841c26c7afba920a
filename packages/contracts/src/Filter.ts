/** What a reader asks of lists and of the log: only some threads, only some events. */
import { Schema } from "effect"
import { EventData } from "./Event.ts"
import { ProjectId, StreamName } from "./Ids.ts"
import { oneOf } from "./Item.ts"
import { Label } from "./Labels.ts"
import { Search } from "./Search.ts"
import { ThreadStatus } from "./State.ts"

/** Only threads that are all of this. */
export const ThreadFilter = Schema.Struct({
  archived: Schema.optional(Schema.Boolean),
  status: Schema.optional(oneOf(...ThreadStatus.literals)),
  provider: Schema.optional(Schema.String.pipe(Schema.maxLength(200))),
  project: Schema.optional(ProjectId),
  label: Schema.optional(Label),
  search: Schema.optional(Search)
})
/** Absent is the same as undefined: over the wire both are nothing. */
export type ThreadFilter = { readonly [K in keyof typeof ThreadFilter.Type]: (typeof ThreadFilter.Type)[K] }

/** Streams that one reader names at most. */
export const maxStreams = 32
const maxTypes = 64

/** One stream or several. */
export const Streams = Schema.Union(
  StreamName,
  Schema.Array(StreamName).pipe(
    Schema.minItems(1),
    Schema.maxItems(maxStreams, { message: () => `at most ${maxStreams} streams can be named` })
  )
)
export type Streams = typeof Streams.Type

/** Types that the log writes itself, beside those of `EventData`. */
const ofLog = ["log.corrupt", "log.forgotten", "log.rewound"]
const known: ReadonlyArray<string> = [...Object.keys(EventData), ...ofLog]

/** `turn.started`, `turn.*` or `*`. */
const fits = (pattern: string, type: string): boolean =>
  pattern === "*" || pattern === type || (pattern.endsWith(".*") && type.startsWith(pattern.slice(0, -1)))

/** A type of event, or the beginning of some: one that no event of this version can have is refused. */
export const EventTypePattern = Schema.String.pipe(
  Schema.filter((pattern) => known.some((type) => fits(pattern, type)), {
    message: () => "expected a type of event like turn.started, or a beginning like turn.*; docs/interface.md lists the events"
  })
)

export const EventTypes = Schema.Array(EventTypePattern).pipe(
  Schema.minItems(1),
  Schema.maxItems(maxTypes, { message: () => `at most ${maxTypes} types can be named` })
)
export type EventTypes = typeof EventTypes.Type

/** Which events of the log a reader wants; both absent: all of them. */
export interface EventFilter {
  readonly stream?: Streams | undefined
  readonly types?: EventTypes | undefined
}

/** The streams of a filter; absent: all. */
export const streamsOf = ({ stream }: EventFilter): ReadonlyArray<StreamName> | undefined =>
  stream === undefined ? undefined : typeof stream === "string" ? [stream] : [...new Set(stream)]

/** Whether it leaves out events of the streams that it names, or names more than one: versions and offsets of what is delivered then have holes. */
export const isSparse = (filter: EventFilter): boolean => filter.types !== undefined || (streamsOf(filter)?.length ?? 0) > 1

/** Decides for each event. One that cannot be read any more may have been any, so its place is always delivered (L6). */
export const accepts = (filter: EventFilter): ((event: { readonly stream: string; readonly type: string }) => boolean) => {
  const streams = streamsOf(filter)
  const named = streams === undefined ? undefined : new Set<string>(streams)
  const { types } = filter
  return ({ stream, type }) =>
    (named === undefined || named.has(stream)) &&
    (types === undefined || type === "log.corrupt" || types.some((pattern) => fits(pattern, type)))
}

/** The same for filters that ask for the same events; absent: all events. */
export const filterKey = (filter: EventFilter): string | undefined => {
  const streams = streamsOf(filter)
  if (streams === undefined && filter.types === undefined) return undefined
  return [...(streams ?? ["*"]).toSorted(), ...new Set((filter.types ?? []).toSorted())].join(",")
}
