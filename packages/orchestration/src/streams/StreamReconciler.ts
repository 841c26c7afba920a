/**
 * Streams of one turn: its events, then its end. The end is read from the rows, never from a delivered event (D13). A stream ends when the rows show that
 * the turn has ended, even if the turn's terminal event was removed by retention. Rows before the offset of the accepted command are not used: they do
 * not contain the turn yet.
 *
 * Each read is one transaction over events and rows at the same position, so an end never overtakes the events before it. Between reads a
 * follower waits; a wake-up triggers the next read and carries no data (D1). A spurious wake-up costs one read; a lost wake-up delays the follower by at
 * most `reconcile`.
 */
import type { DataOf, LogEvent } from "@millrace/contracts/Event"
import { isTerminal } from "@millrace/contracts/Event"
import type { ItemView } from "@millrace/contracts/Item"
import { threadStream, type ThreadId, type TurnId } from "@millrace/contracts/Ids"
import { EventLog, type LogUnavailable, type Page, type Queryable } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import { KeyedWaiters } from "@millrace/log/Waiters"
import { Chunk, Context, type Duration, Effect, Layer, Stream } from "effect"
import { type Blobs, withWholeText } from "../readmodel/WholeText.ts"
import { currentItems, endOf, outcomeOf, outcomeParts, type TurnEnd } from "../readmodel/TurnEnd.ts"

/** A turn, from the answer to the command that requested it. */
export interface AcceptedTurn {
  readonly threadId: ThreadId
  readonly turnId: TurnId
  /** Offset of the accepted command. Only later events are delivered. */
  readonly offset: number
}

export type Step =
  /** Events of this turn only, in the order of the log, up to its terminal. */
  | { readonly _tag: "events"; readonly events: ReadonlyArray<LogEvent> }
  /** The next events are no longer kept. In their place: the turn's current items, by start. Open items may lack text. */
  | { readonly _tag: "gap"; readonly items: ReadonlyArray<ItemView> }
  /** The last step. */
  | { readonly _tag: "end"; readonly end: TurnEnd }

/** Follows one turn for one caller. It holds the caller's position, so do not share it. */
export interface TurnFollower {
  /** The steps available now, at most one page; empty = wait. Empty after the end. */
  readonly query: Effect.Effect<ReadonlyArray<Step>, LogUnavailable>
  /** Returns when another `query` may find more. Safe to interrupt. */
  readonly wait: Effect.Effect<void>
}

const wholeItems = (log: Blobs, items: ReadonlyArray<ItemView>) => Effect.forEach(items, (item) => withWholeText(log, item))
/** Completed items with their whole text. */
const wholeEvents = (log: Blobs, events: ReadonlyArray<LogEvent>): Effect.Effect<ReadonlyArray<LogEvent>, LogUnavailable> =>
  events.some(({ type }) => type === "item.completed")
    ? Effect.forEach(events, (event) =>
        event.type === "item.completed"
          ? Effect.map(withWholeText(log, event.data as DataOf<"item.completed">), (data) => ({ ...event, data }))
          : Effect.succeed(event)
      )
    : Effect.succeed(events)

export interface Options {
  /** How long a lost wake-up can delay an end; default 5 seconds. */
  readonly reconcile?: Duration.DurationInput
}

export class StreamReconciler extends Context.Tag("@millrace/orchestration/StreamReconciler")<
  StreamReconciler,
  {
    /** With `events: false` the only step is the end: no events are read, so there is no gap. */
    readonly open: (turn: AcceptedTurn, options?: { readonly events?: boolean }) => TurnFollower
    /** The turn's events, then its end. Closing the stream early does not affect the turn (D11). */
    readonly follow: (turn: AcceptedTurn) => Stream.Stream<Step, LogUnavailable>
    /** Waits for the turn's end without its events. */
    readonly ended: (turn: AcceptedTurn) => Effect.Effect<TurnEnd, LogUnavailable>
    /** Number of followers that wait now. */
    readonly waiting: () => number
  }
>() {}

/** Maximum bytes of events per read. */
const pageBytes = 256 * 1024

/** Parses the events of the turn in a page; a substring test skips the others cheaply. */
const eventsOf = (page: Page, turnId: TurnId): ReadonlyArray<LogEvent> => {
  const found: Array<LogEvent> = []
  for (const { json } of page.events) {
    if (!json.includes(turnId)) continue
    const event = JSON.parse(json) as LogEvent
    const { data } = event
    if (typeof data === "object" && data !== null && "turnId" in data && data.turnId === turnId) found.push(event)
  }
  return found
}

/**
 * The turn's next events, if `withEvents`, and its end. Empty while the head is before the turn's offset. The end is read by a second query, which may
 * see a later position: a turn that has ended stays ended.
 */
const stepsIn = (log: Queryable, turn: AcceptedTurn, after: number, withEvents: boolean) =>
  Effect.gen(function* () {
    const events = { after, stream: threadStream(turn.threadId), maxBytes: pageBytes, ...(withEvents ? {} : { limit: 0 }) }
    const found = yield* log.query({ ...outcomeParts(turn), page: Query.events(events) })
    const { head, page, retainedFrom } = found
    const position = { head, retainedFrom, visible: head >= turn.offset }
    if (!position.visible) return { ...position, upTo: after, events: [], end: undefined }
    const all = eventsOf(page, turn.turnId)
    const terminal = all.findIndex((event) => isTerminal(event.type))
    const upTo = withEvents ? page.upTo : head
    const hasEnded = (terminal >= 0 || upTo >= head) && outcomeOf(found) !== undefined
    // Events after the terminal are not part of the stream.
    const ofTurn = terminal < 0 ? all : all.slice(0, terminal + 1)
    return { ...position, upTo, events: ofTurn, end: hasEnded ? yield* endOf(log, turn) : undefined }
  })

export const make = (options: Options = {}) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    /** The waiting followers, by the stream of their thread. */
    const waiters = new KeyedWaiters<string, void>()
    /** Followers were woken for all events up to this offset. */
    let wokenFor = yield* log.head

    const wakeFor = (page: Page) =>
      Effect.sync(() => {
        wokenFor = page.upTo
        for (const event of page.events) waiters.wake(event.stream)
      })
    const wakeAll = Effect.map(log.head, (head) => {
      // `wokenFor` may have advanced since the head was read: never move it back.
      wokenFor = Math.max(wokenFor, head)
      waiters.wakeAll()
    })
    const reconcile = Effect.sleep(options.reconcile ?? "5 seconds")
    // Events that retention removed or that cannot be read now may concern any follower: wake all.
    yield* Effect.suspend(() => Stream.runForEach(log.follow({ after: wokenFor }), wakeFor)).pipe(
      Effect.catchAll((error) => Effect.zipRight(wakeAll, error._tag === "LogUnavailable" ? reconcile : Effect.yieldNow())),
      Effect.forever,
      Effect.forkScoped
    )
    yield* reconcile.pipe(Effect.zipRight(wakeAll), Effect.forever, Effect.forkScoped)

    const open = (turn: AcceptedTurn, { events: withEvents = true }: { readonly events?: boolean } = {}): TurnFollower => {
      let position = turn.offset
      let seen = 0
      let ended = false
      const query: TurnFollower["query"] = Effect.gen(function* () {
        while (!ended) {
          const found = yield* stepsIn(log, turn, position, withEvents)
          const steps: Array<Step> = []
          if (withEvents && found.visible && position < found.retainedFrom)
            steps.push({ _tag: "gap", items: yield* wholeItems(log, yield* currentItems(log, turn)) })
          if (found.events.length > 0) steps.push({ _tag: "events", events: yield* wholeEvents(log, found.events) })
          if (found.end !== undefined)
            steps.push({ _tag: "end", end: { ...found.end, items: yield* wholeItems(log, found.end.items) } })
          position = found.upTo
          seen = found.head
          ended = found.end !== undefined
          if (steps.length > 0 || !found.visible || found.upTo >= found.head) return steps
          yield* Effect.yieldNow()
        }
        return []
      })
      return { query, wait: waiters.wait(threadStream(turn.threadId), undefined, () => wokenFor > seen) }
    }

    /** The next steps, at least one. Waits for them: do not call it after the end. */
    const nextOf = ({ query, wait }: TurnFollower): Effect.Effect<ReadonlyArray<Step>, LogUnavailable> =>
      Effect.filterOrElse(
        query,
        (steps) => steps.length > 0,
        () => Effect.flatMap(wait, () => nextOf({ query, wait }))
      )

    return StreamReconciler.of({
      open,
      follow: (turn) =>
        Stream.suspend(() => Stream.repeatEffectChunk(Effect.map(nextOf(open(turn)), Chunk.unsafeFromArray))).pipe(
          Stream.takeUntil(({ _tag }) => _tag === "end")
        ),
      ended: (turn) =>
        Effect.flatMap(nextOf(open(turn, { events: false })), ([step]) =>
          step?._tag === "end" ? Effect.succeed(step.end) : Effect.dieMessage("without events the only step is the end")
        ),
      waiting: () => waiters.size
    })
  })

/** Needs `EventLog` only. */
export const layer = (options: Options = {}) => Layer.scoped(StreamReconciler, make(options))
