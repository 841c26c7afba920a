/**
 * Ephemeral signals (D12): the latest of each key, for readers that have caught up. Signals are not in the log, have no id and move no cursor (D5).
 * Publishing is constant work and never waits.
 *
 * Signals become visible in batches, so that a busy agent wakes readers at most once per `every`. A reader holds one number, the position up to which
 * it has read; after an absence it gets the latest of each key.
 */
import { BoundedMap } from "@millrace/contracts/BoundedMap"
import type { ItemId, StreamName, ThreadId, TurnId } from "@millrace/contracts/Ids"
import { threadStream } from "@millrace/contracts/Ids"
import type { DurableEvent, ProviderSignal } from "@millrace/contracts/ProviderEvent"
import type { Signal } from "@millrace/contracts/Signal"
import { Watermark } from "@millrace/log/Watermark"
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
    readonly awaitBeyond: (place: number) => Effect.Effect<void>
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

/** The latest entry of each key, in order of change. An entry that is replaced, deleted or evicted is marked as gone. */
class Latest extends BoundedMap<string, Entry> {
  override delete(key: string): boolean {
    const entry = this.get(key)
    if (entry !== undefined) entry.gone = true
    return super.delete(key)
  }
}

export const make = (options: Options = {}): Effect.Effect<typeof Signals.Service, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { every = "100 millis", keys: bound = 1024 } = options
    const waiting = new Latest(bound)
    const shown = new Latest(bound)
    const more = Effect.unsafeMakeLatch(false)
    /** The position of the last visible signal. */
    const visible = new Watermark(0)
    /** The last batch, and the position before it, from which nearly every reader asks. */
    let wave: { readonly after: number; readonly entries: ReadonlyArray<Entry> } = { after: 0, entries: [] }

    const show = Effect.sync(() => {
      more.unsafeClose()
      const entries = [...waiting.values()]
      waiting.clear()
      wave = { after: visible.value, entries }
      for (const [at, entry] of entries.entries()) {
        entry.place = visible.value + at + 1
        shown.renew(entry.signal.key, entry)
      }
      visible.advance(visible.value + entries.length)
    })
    // The first signal after a pause becomes visible at once.
    yield* more.await.pipe(Effect.zipRight(show), Effect.zipRight(Effect.sleep(every)), Effect.forever, Effect.forkScoped)

    const publisher = (threadId: ThreadId): Publisher => {
      const stream = threadStream(threadId)
      let closed = false
      /** The session's signals by key, in order of change: few, so that dropping those of an item or turn is cheap. */
      const mine = new BoundedMap<string, Signal>(bound, [], (oldest) => remove(oldest))
      const remove = (key: string) => {
        mine.delete(key)
        for (const latest of [waiting, shown]) if (latest.get(key)?.owner === own) latest.delete(key)
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
          waiting.renew(key, { signal, stream, owner: own, place: 0, gone: false })
          mine.renew(key, signal)
          more.unsafeOpen()
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

    return {
      session: (threadId) =>
        Effect.acquireRelease(
          Effect.sync(() => publisher(threadId)),
          (own) => Effect.sync(own.close)
        ),
      place: () => visible.value,
      since: (seen, { limit = Number.POSITIVE_INFINITY, stream } = {}) => {
        const place = visible.value
        if (seen >= place) return { place: seen, signals: [] }
        const signals: Array<Signal> = []
        let last = seen
        for (const entry of seen >= wave.after ? wave.entries : shown.values()) {
          if (entry.gone || entry.place <= seen || (stream !== undefined && entry.stream !== stream)) continue
          if (signals.length >= limit) return { place: last, signals }
          signals.push(entry.signal)
          last = entry.place
        }
        return { place, signals }
      },
      awaitBeyond: (seen) => visible.awaitBeyond(seen)
    }
  })

export const layer = (options: Options = {}) => Layer.scoped(Signals, make(options))
