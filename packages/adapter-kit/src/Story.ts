/** A short form of a history, for expectations in tests. */
import type { AgentReport } from "@millrace/contracts/AgentReport"
import type { ProviderEvent } from "@millrace/contracts/ProviderEvent"

const line = (event: ProviderEvent): string | undefined => {
  switch (event._tag) {
    case "ItemStarted":
      return `+${event.kind}`
    case "ItemCompleted":
      return `-${event.kind} ${event.status}`
    case "ItemAmended":
      return `~${event.kind} ${event.status}`
    case "RequestOpened":
      return `?${event.ask.kind}`
    case "RequestCancelled":
      return "?cancelled"
    case "TurnStarted":
      return event.origin === "user" ? "start" : "start by agent"
    case "TurnCompleted":
      return "completed"
    case "TurnInterrupted":
      return "interrupted"
    case "TurnFailed":
      return `failed ${event.error.kind}`
    case "ItemDelta":
    case "TurnUpdated":
    case "Signal":
    case "Opaque":
      return undefined
  }
}

/** One line for each event, without deltas, updates and opaque events. */
export const story = (events: ReadonlyArray<ProviderEvent>): ReadonlyArray<string> => events.flatMap((event) => line(event) ?? [])

export const completed = (events: ReadonlyArray<ProviderEvent>, kind: string) =>
  events.flatMap((event) => (event._tag === "ItemCompleted" && event.kind === kind ? [event.content] : []))

export const deltas = (events: ReadonlyArray<ProviderEvent>, kind: string): string =>
  events.flatMap((event) => (event._tag === "ItemDelta" && event.kind === kind ? [event.text] : [])).join("")

/** The data of the signals of turns and items, in order. */
export const signals = (events: ReadonlyArray<ProviderEvent>) =>
  events.flatMap((event) => (event._tag === "Signal" && event.kind !== "agent" ? [event.data] : []))

/** The report of the agent about itself: the latest value of each field. */
export const reported = (events: ReadonlyArray<ProviderEvent>): AgentReport =>
  Object.assign({}, ...events.flatMap((event) => (event._tag === "Signal" && event.kind === "agent" ? [event.data] : [])))

export const opaque = (events: ReadonlyArray<ProviderEvent>): ReadonlyArray<string> =>
  events.flatMap((event) => (event._tag === "Opaque" ? [event.method] : []))
