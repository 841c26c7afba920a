/**
 * Streams of one turn: its events, then its end. The end is read from state, never from a delivered event (D13): a stream ends when the state at a
 * position at or after the accepted command shows that the turn has ended, whether its terminal was delivered, removed by retention, or committed
 * between two reads. Before that position the state does not contain the command, so the stream cannot end there.
 *
 * Each read is one transaction over events and state at the same position, so an end never overtakes the events before it. Between reads a
 * follower waits; a wake-up triggers the next read and carries no data (D1). A spurious wake-up costs one read; a lost one delays the reader by at
 * most `reconcile`.
 */
import type { LogEvent } from "@millrace/contracts/Event"
import { isTerminal } from "@millrace/contracts/Event"
import type { ItemView } from "@millrace/contracts/Item"
import { threadStream, type ThreadId, type TurnId } from "@millrace/contracts/Ids"
import { EventLog, type LogUnavailable, type Page, type Queryable } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import { KeyedWaiters } from "@millrace/log/Waiters"
import { Chunk, Context, type Duration, Effect, Layer, Stream } from "effect"
import { currentItems, endOf, outcomeOf, outcomeParts, type TurnEnd } from "../readmodel/TurnEnd.ts"

/** A turn, from the answer to its accepted command. */
export interface Addressed {
  readonly threadId: ThreadId
  readonly turnId: TurnId
  /** Offset of the accepted command: events after it are delivered, state before it is not used. */
  readonly offset: number
}

export type Step =
  /** Events of this turn only, in the order of the log, up to its terminal. */
  | { readonly _tag: "events"; readonly events: ReadonlyArray<LogEvent> }
  /** The next events are no longer kept. In their place: the turn's current items, by start; open ones may lack text. */
  | { readonly _tag: "gap"; readonly items: ReadonlyArray<ItemView> }
  /** The last step. */
  | { readonly _tag: "end"; readonly end: TurnEnd }

/** One reader of one turn. Not to be shared: it holds a position. */
export interface TurnFollower {
  /** The steps available now, at most one page; empty = wait. Empty after the end. */
  readonly query: Effect.Effect<ReadonlyArray<Step>, LogUnavailable>
  /** Returns when another `query` may find more. Safe to interrupt. */
  readonly wait: Effect.Effect<void>
}

export interface Options {
  /** How long a lost wake-up can delay an end; default 5 seconds. */
  readonly reconcile?: Duration.DurationInput
}

export class StreamReconciler extends Context.Tag("@millrace/orchestration/StreamReconciler")<
  StreamReconciler,
  {
    /** With `events: false` the only step is the end: no events are read, so there is no gap. */
    readonly open: (turn: Addressed, options?: { readonly events?: boolean }) => TurnFollower
    /** The turn's events, then its end. Closing the stream early does not affect the turn (D11). */
    readonly follow: (turn: Addressed) => Stream.Stream<Step, LogUnavailable>
    /** Waits for the turn's end without its events. */
    readonly ended: (turn: Addressed) => Effect.Effect<TurnEnd, LogUnavailable>
    /** Number of followers that wait now. */
    readonly waiting: () => number
  }
>() {}

/** Most bytes of events per read. */
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
 * Events, if wanted, and the state at one position; empty while the command is not visible there. The end is a second query: a turn that has ended at
 * one position has ended at each later one.
 */
const stepsIn = (log: Queryable, turn: Addressed, after: number, wanted: boolean) =>
  Effect.gen(function* () {
    const events = { after, stream: threadStream(turn.threadId), maxBytes: pageBytes, ...(wanted ? {} : { limit: 0 }) }
    const found = yield* log.query({ ...outcomeParts(turn), page: Query.events(events) })
    const { head, page, retainedFrom } = found
    const position = { head, retainedFrom, visible: head >= turn.offset }
    if (!position.visible) return { ...position, upTo: after, events: [], end: undefined }
    const all = eventsOf(page, turn.turnId)
    const terminal = all.findIndex((event) => isTerminal(event.type))
    const upTo = wanted ? page.upTo : head
    const isOver = (terminal >= 0 || upTo >= head) && outcomeOf(found) !== undefined
    // Events after the terminal are not part of the stream.
    const shown = terminal < 0 ? all : all.slice(0, terminal + 1)
    return { ...position, upTo, events: shown, end: isOver ? yield* endOf(log, turn) : undefined }
  })

export const make = (options: Options = {}) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    /** The waiting followers, by the stream of their thread. */
    const waiters = new KeyedWaiters<string, void>()
    /** The followers concerned by events up to this offset were woken. */
    let reported = yield* log.head

    const report = (page: Page) =>
      Effect.sync(() => {
        reported = page.upTo
        for (const event of page.events) waiters.wake(event.stream)
      })
    const tellAll = Effect.map(log.head, (head) => {
      // `reported` may have advanced since the head was read: never move it back.
      reported = Math.max(reported, head)
      waiters.wakeAll()
    })
    const reconcile = Effect.sleep(options.reconcile ?? "5 seconds")
    // Events that retention removed or that cannot be read now may concern any follower: wake all.
    yield* Effect.suspend(() => Stream.runForEach(log.follow({ after: reported }), report)).pipe(
      Effect.catchAll((error) => Effect.zipRight(tellAll, error._tag === "LogUnavailable" ? reconcile : Effect.yieldNow())),
      Effect.forever,
      Effect.forkScoped
    )
    yield* reconcile.pipe(Effect.zipRight(tellAll), Effect.forever, Effect.forkScoped)

    const open = (turn: Addressed, { events: wanted = true }: { readonly events?: boolean } = {}): TurnFollower => {
      let position = turn.offset
      let seen = 0
      let over = false
      const query: TurnFollower["query"] = Effect.gen(function* () {
        while (!over) {
          const found = yield* stepsIn(log, turn, position, wanted)
          const steps: Array<Step> = []
          if (wanted && found.visible && position < found.retainedFrom)
            steps.push({ _tag: "gap", items: yield* currentItems(log, turn) })
          if (found.events.length > 0) steps.push({ _tag: "events", events: found.events })
          if (found.end !== undefined) steps.push({ _tag: "end", end: found.end })
          position = found.upTo
          seen = found.head
          over = found.end !== undefined
          if (steps.length > 0 || !found.visible || found.upTo >= found.head) return steps
          yield* Effect.yieldNow()
        }
        return []
      })
      return { query, wait: waiters.wait(threadStream(turn.threadId), undefined, () => reported > seen) }
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
