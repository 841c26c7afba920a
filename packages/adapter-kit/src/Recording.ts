/** Collects a session's events in the background, so that a test can act after an event. */
import { assert } from "@effect/vitest"
import type { ProviderSession } from "@millrace/contracts/ProviderAdapter"
import type { ProviderEvent } from "@millrace/contracts/ProviderEvent"
import { Effect, Fiber, type Scope, Stream } from "effect"

type Tag = ProviderEvent["_tag"]
type Of<T extends Tag> = Extract<ProviderEvent, { readonly _tag: T }>

export interface Recording {
  /** All events so far. */
  readonly events: ReadonlyArray<ProviderEvent>
  /** The first matching event of that type, whether it has arrived or still comes. */
  readonly until: <T extends Tag>(tag: T, fits?: (event: Of<T>) => boolean) => Effect.Effect<Of<T>>
  /** Ends when the stream ends. */
  readonly done: Fiber.Fiber<void>
}

export const record = (session: ProviderSession): Effect.Effect<Recording, never, Scope.Scope> =>
  Effect.gen(function* () {
    const events: Array<ProviderEvent> = []
    const more = yield* Effect.makeLatch(false)
    const done = yield* session.events.pipe(
      Stream.runForEachChunk((chunk) =>
        Effect.suspend(() => {
          events.push(...chunk)
          return more.release
        })
      ),
      Effect.forkScoped
    )
    const until = <T extends Tag>(tag: T, fits: (event: Of<T>) => boolean = () => true): Effect.Effect<Of<T>> =>
      Effect.suspend(() => {
        const found = events.find((event): event is Of<T> => event._tag === tag && fits(event as Of<T>))
        return found ? Effect.succeed(found) : Effect.zipRight(more.await, until(tag, fits))
      })
    return { events, until, done }
  })

const terminals: ReadonlySet<string> = new Set(["TurnCompleted", "TurnInterrupted", "TurnFailed"])
export const isTerminal = (event: ProviderEvent): boolean => terminals.has(event._tag)

/** The violations of the five promises in a whole history. Empty if the promises hold. */
export const faults = (events: ReadonlyArray<ProviderEvent>): ReadonlyArray<string> => {
  const found: Array<string> = []
  const turns = new Map<string, "running" | "ended">()
  const items = new Map<string, "open" | "closed">()
  const requests = new Map<string, "open" | "settled">()
  for (const event of events) {
    if (
      "turnId" in event &&
      event.turnId !== undefined &&
      event._tag !== "TurnStarted" &&
      event._tag !== "Opaque" &&
      !turns.has(event.turnId) &&
      !isTerminal(event)
    )
      found.push(`${event._tag} of ${event.turnId}, which has not started`)
    switch (event._tag) {
      case "TurnStarted":
        if (turns.has(event.turnId)) found.push(`${event.turnId} started twice`)
        turns.set(event.turnId, "running")
        break
      case "ItemStarted":
        if (items.has(event.itemId)) found.push(`${event.itemId} started twice`)
        if (turns.get(event.turnId) !== "running") found.push(`${event.itemId} started outside its turn`)
        items.set(event.itemId, "open")
        break
      case "ItemDelta":
        if (items.get(event.itemId) !== "open") found.push(`delta of ${event.itemId}, which is not open`)
        break
      case "ItemCompleted":
        if (items.get(event.itemId) !== "open") found.push(`${event.itemId} completed, and is not open`)
        items.set(event.itemId, "closed")
        break
      case "ItemAmended":
        // If a sub-agent's item completes after its turn has ended, the item is amended once.
        if (event.content.parentItemId !== undefined && turns.get(event.turnId) === "ended" && !items.has(event.itemId))
          items.set(event.itemId, "closed")
        if (items.get(event.itemId) !== "closed") found.push(`${event.itemId} amended, and is not closed`)
        break
      case "RequestOpened":
        if (turns.get(event.turnId) !== "running") found.push(`${event.requestId} opened outside its turn`)
        if (requests.has(event.requestId)) found.push(`${event.requestId} opened twice`)
        requests.set(event.requestId, "open")
        break
      case "RequestCancelled":
        if (requests.get(event.requestId) !== "open") found.push(`${event.requestId} cancelled, and is not open`)
        requests.set(event.requestId, "settled")
        break
      case "TurnCompleted":
      case "TurnInterrupted":
      case "TurnFailed":
        if (turns.get(event.turnId) === "ended") found.push(`${event.turnId} ended twice`)
        turns.set(event.turnId, "ended")
        break
      case "TurnUpdated":
        if (turns.get(event.turnId) !== "running") found.push(`${event.turnId} updated, and does not run`)
        break
      case "Signal":
        if (event.kind === "agent") break
        if (turns.get(event.turnId) !== "running") found.push(`a signal of ${event.turnId}, which does not run`)
        if ("itemId" in event && items.get(event.itemId) !== "open") found.push(`a signal of ${event.itemId}, which is not open`)
        break
      case "Opaque":
        break
    }
  }
  for (const [id, state] of turns) if (state !== "ended") found.push(`${id} did not end`)
  for (const [id, state] of items) if (state !== "closed") found.push(`${id} was not closed`)
  return found
}

/** Requests that were not cancelled and that the test did not answer. */
export const unsettled = (events: ReadonlyArray<ProviderEvent>, answered: ReadonlySet<string>): ReadonlyArray<string> => {
  const cancelled = new Set(events.flatMap((event) => (event._tag === "RequestCancelled" ? [event.requestId] : [])))
  return events.flatMap((event) =>
    event._tag === "RequestOpened" && cancelled.has(event.requestId) === answered.has(event.requestId) ? [event.requestId] : []
  )
}

/** Stops the session, reads it to the end, and checks the five promises on its events. Returns the ends of its turns, in order. */
export const finish = (session: ProviderSession, recording: Recording, answered: ReadonlyArray<string> = []) =>
  Effect.gen(function* () {
    yield* session.stop("the test is over")
    yield* Fiber.join(recording.done)
    assert.deepStrictEqual(faults(recording.events), [])
    assert.deepStrictEqual(unsettled(recording.events, new Set(answered)), [])
    return recording.events.filter(isTerminal).map((event) => event._tag)
  })
