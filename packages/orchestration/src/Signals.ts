/**
 * The ephemeral lane (D12): the latest signal of each key, for readers that have caught up. Nothing here is in the log, has an id or moves a cursor (D5),
 * and nobody waits for it: publishing is constant work, reading is looking.
 *
 * Signals become visible in waves, so that an agent that talks without end wakes nobody more often than the configuration says. A reader holds one
 * number, the place up to which it saw; one that was away finds the latest of each key.
 */
import type { ItemId, StreamName, ThreadId, TurnId } from "@millrace/contracts/Ids"
import { threadStream } from "@millrace/contracts/Ids"
import type { DurableEvent, ProviderSignal } from "@millrace/contracts/ProviderEvent"
import type { Signal } from "@millrace/contracts/Signal"
import { Signal as Bell } from "@millrace/log/Signal"
import { Context, type Duration, Effect, Layer, type Scope } from "effect"
import { fitUnknown } from "./Limits.ts"

export interface Options {
  /** Keys that are kept; beyond, the one that was silent longest goes. Default 1024. */
  readonly keys?: number
  /** Least time between two waves. Default 100 ms. */
  readonly every?: Duration.DurationInput
}

/** One session's way in. */
export interface Publisher {
  /** Returns at once, whoever reads. */
  readonly publish: (signal: ProviderSignal) => void
  /** To be told of what the agent says beside signals, before anybody else is: what an item or a turn said is gone with its end. */
  readonly over: (event: DurableEvent) => void
  /** The session goes: what it said is gone, and what it still says is not heard. */
  readonly close: () => void
}

export interface Seen {
  /** What to come back with. */
  readonly place: number
  readonly signals: ReadonlyArray<Signal>
}

export class Signals extends Context.Tag("@millrace/orchestration/Signals")<
  Signals,
  {
    /** Closed with the scope. */
    readonly session: (threadId: ThreadId) => Effect.Effect<Publisher, never, Scope.Scope>
    /** Where the last wave ended: who holds this number has seen everything. */
    readonly place: () => number
    /** The latest of each key that changed beyond the place, those that waited longest first; of one thread's stream, and at most so many, if that is asked. */
    readonly since: (place: number, options?: { readonly stream?: StreamName | string; readonly limit?: number }) => Seen
    /** Returns when the last wave ended beyond the place. */
    readonly beyond: (place: number) => Effect.Effect<void>
  }
>() {}

/** Bytes of one signal's data; larger ones say only how large they are. */
const maxBytes = 4096

interface Entry {
  readonly signal: Signal
  readonly stream: StreamName
  readonly owner: Publisher
  /** Where it lies; 0 = not visible yet. */
  place: number
  gone: boolean
}

/** The latest of each key, those that changed last at the end. */
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
    /** What the last wave brought, and where the one before it ended: nearly every reader comes from there. */
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
    // The first one after a rest is shown at once.
    yield* more.await.pipe(Effect.zipRight(show), Effect.zipRight(Effect.sleep(every)), Effect.forever, Effect.forkScoped)

    const publisher = (threadId: ThreadId): Publisher => {
      const stream = threadStream(threadId)
      let closed = false
      /** Its keys, those that changed last at the end: few, so that an end costs little. */
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
