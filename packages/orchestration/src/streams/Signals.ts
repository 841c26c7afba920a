/**
 * Ephemeral signals (D12): the latest of each key, for readers that have caught up. Signals are not in the log, have no id and move no cursor (D5).
 * Publishing is constant work and never waits.
 *
 * Signals become visible in batches, so that a busy agent wakes readers at most once per `every`. A reader holds one number, the position up to which
 * it has read; after an absence it gets the latest of each key.
 */
import type { ItemId, StreamName, ThreadId, TurnId } from "@millrace/contracts/Ids"
import { threadStream } from "@millrace/contracts/Ids"
import type { DurableEvent, ProviderSignal } from "@millrace/contracts/ProviderEvent"
import type { Signal } from "@millrace/contracts/Signal"
import { Notifier as Bell } from "@millrace/log/Notifier"
import { Context, type Duration, Effect, Layer, type Scope } from "effect"
import { fitUnknown } from "../state/Truncation.ts"

export interface Options {
  /** Most keys kept; beyond it, the key that has not changed for longest is dropped. Default 1024. */
  readonly keys?: number
  /** Minimum time between two batches. Default 100 ms. */
  readonly every?: Duration.DurationInput
}

/** Publishes the signals of one session. */
export interface Publisher {
  /** Returns at once, whatever the readers do. */
  readonly publish: (signal: ProviderSignal) => void
  /** Call for every durable event before publishing it: the signals of an item or turn are dropped at its end. */
  readonly over: (event: DurableEvent) => void
  /** Drops the session's signals and ignores later ones. */
  readonly close: () => void
}

export interface Seen {
  /** The position to pass to the next `since`. */
  readonly place: number
  readonly signals: ReadonlyArray<Signal>
}

export class Signals extends Context.Tag("@millrace/orchestration/Signals")<
  Signals,
  {
    /** The publisher of a session; closed with the scope. */
    readonly session: (threadId: ThreadId) => Effect.Effect<Publisher, never, Scope.Scope>
    /** The position of the last visible signal: a reader that holds it has read everything. */
    readonly place: () => number
    /** The latest signal of each key that changed after the position, oldest first; optionally of one stream, and at most `limit`. */
    readonly since: (place: number, options?: { readonly stream?: StreamName | string; readonly limit?: number }) => Seen
    /** Returns when a signal after the position is visible. */
    readonly beyond: (place: number) => Effect.Effect<void>
  }
>() {}

/** Most bytes of a signal's data; larger data is replaced by its size and beginning. */
const maxBytes = 4096

interface Entry {
  readonly signal: Signal
  readonly stream: StreamName
  readonly owner: Publisher
  /** Its position; 0 = not visible yet. */
  place: number
  gone: boolean
}

/** The latest entry of each key, in order of change. */
class Latest {
  private readonly entries = new Map<string, Entry>()
  private readonly bound: number
  constructor(bound: number) {
    this.bound = bound
  }
  put(entry: Entry): void {
    const { key } = entry.signal
    this.remove(key)
    this.entries.set(key, entry)
    if (this.entries.size > this.bound) for (const oldest of this.entries.keys()) return this.remove(oldest)
  }
  get(key: string): Entry | undefined {
    return this.entries.get(key)
  }
  remove(key: string): void {
    const entry = this.entries.get(key)
    if (entry === undefined) return
    entry.gone = true
    this.entries.delete(key)
  }
  get values(): Iterable<Entry> {
    return this.entries.values()
  }
  takeAll(): ReadonlyArray<Entry> {
    const all = [...this.entries.values()]
    this.entries.clear()
    return all
  }
}

export const make = (options: Options = {}): Effect.Effect<typeof Signals.Service, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { every = "100 millis", keys: bound = 1024 } = options
    const waiting = new Latest(bound)
    const shown = new Latest(bound)
    const bell = new Bell()
    const more = Effect.unsafeMakeLatch(false)
    let place = 0
    /** The last batch, and the position before it, from which nearly every reader asks. */
    let wave: { readonly after: number; readonly entries: ReadonlyArray<Entry> } = { after: 0, entries: [] }

    const show = Effect.sync(() => {
      more.unsafeClose()
      const entries = waiting.takeAll()
      wave = { after: place, entries }
      for (const entry of entries) {
        entry.place = ++place
        shown.put(entry)
      }
      bell.wake()
    })
    // The first signal after a pause becomes visible at once.
    yield* more.await.pipe(Effect.zipRight(show), Effect.zipRight(Effect.sleep(every)), Effect.forever, Effect.forkScoped)

    const publisher = (threadId: ThreadId): Publisher => {
      const stream = threadStream(threadId)
      let closed = false
      /** The session's signals by key, in order of change: few, so that dropping those of an item or turn is cheap. */
      const mine = new Map<string, Signal>()
      const remove = (key: string) => {
        mine.delete(key)
        for (const latest of [waiting, shown]) if (latest.get(key)?.owner === own) latest.remove(key)
      }
      const drop = (is: (signal: Signal) => boolean) => {
        for (const [key, signal] of mine) if (is(signal)) remove(key)
      }
      const forget = (id: TurnId | ItemId) => drop(({ itemId, turnId }) => turnId === id || itemId === id)
      const own: Publisher = {
        publish: (told) => {
          if (closed) return
          const { kind, turnId } = told
          const about = "itemId" in told ? { turnId, itemId: told.itemId } : { turnId }
          const key = `${kind}/${about.itemId ?? turnId}`
          const signal: Signal = { key, threadId, ...about, kind, data: fitUnknown(told.data, maxBytes) }
          waiting.put({ signal, stream, owner: own, place: 0, gone: false })
          mine.delete(key)
          mine.set(key, signal)
          more.unsafeOpen()
          if (mine.size > bound) for (const oldest of mine.keys()) return remove(oldest)
        },
        over: (event) => {
          switch (event._tag) {
            case "ItemCompleted":
              return forget(event.itemId)
            case "TurnCompleted":
            case "TurnInterrupted":
            case "TurnFailed":
              return forget(event.turnId)
            default:
              return
          }
        },
        close: () => {
          closed = true
          drop(() => true)
        }
      }
      return own
    }

    const beyond = (seen: number): Effect.Effect<void> =>
      Effect.suspend(() => {
        const next = bell.next
        return place > seen ? Effect.void : Effect.flatMap(next, () => beyond(seen))
      })

    return {
      session: (threadId) =>
        Effect.acquireRelease(
          Effect.sync(() => publisher(threadId)),
          (own) => Effect.sync(own.close)
        ),
      place: () => place,
      since: (seen, { limit = Number.POSITIVE_INFINITY, stream } = {}) => {
        if (seen >= place) return { place: seen, signals: [] }
        const signals: Array<Signal> = []
        let last = seen
        for (const entry of seen >= wave.after ? wave.entries : shown.values) {
          if (entry.gone || entry.place <= seen || (stream !== undefined && entry.stream !== stream)) continue
          if (signals.length >= limit) return { place: last, signals }
          signals.push(entry.signal)
          last = entry.place
        }
        return { place, signals }
      },
      beyond
    }
  })

export const layer = (options: Options = {}) => Layer.scoped(Signals, make(options))
