/**
 * Ephemeral signals report the progress of a turn or tool (D12). Only the latest signal of each key is kept, for subscribers at the head. Signals are not
 * in the log, have no id and move no cursor (D5). Publishing is constant work and never waits.
 *
 * Signals become visible in batches, so that a busy agent wakes subscribers at most once per `every`. A subscriber keeps the position up to which it has
 * read; from an old position it gets the latest signal of each key.
 */
import type { AgentReport } from "@millrace/contracts/AgentReport"
import { BoundedMap } from "@millrace/contracts/BoundedMap"
import type { ItemId, StreamName, ThreadId, TurnId } from "@millrace/contracts/Ids"
import { threadStream } from "@millrace/contracts/Ids"
import type { DurableEvent, ProviderSignal } from "@millrace/contracts/ProviderEvent"
import type { Signal } from "@millrace/contracts/Signal"
import { Watermark } from "@millrace/log/Watermark"
import { Context, type Duration, Effect, Layer, type Scope } from "effect"
import { fitUnknown } from "../state/Truncation.ts"

export interface Options {
  /** Maximum number of keys. A further key evicts the key that has not changed for the longest time. Default 1024. */
  readonly keys?: number
  /** Minimum time between two batches. Default 100 ms. */
  readonly every?: Duration.DurationInput
}

/** Publishes the signals of one session. */
export interface Publisher {
  readonly publish: (signal: ProviderSignal) => void
  /** Drops the signals of an item or turn if the event ends it. Call it for every durable event of the session. */
  readonly dropEnded: (event: DurableEvent) => void
  /** Drops the session's signals and ignores later signals. */
  readonly close: () => void
}

export interface Seen {
  /** The position to pass to the next `since`. */
  readonly position: number
  readonly signals: ReadonlyArray<Signal>
}

export class Signals extends Context.Tag("@millrace/orchestration/Signals")<
  Signals,
  {
    /** The publisher of a session. It closes with the scope. */
    readonly session: (threadId: ThreadId) => Effect.Effect<Publisher, never, Scope.Scope>
    /** The position of the last visible signal. */
    readonly position: () => number
    /** The latest signal of each key that changed after the position, oldest first. `stream`: only signals of this stream. `limit`: at most this many. */
    readonly since: (position: number, options?: { readonly stream?: StreamName | string; readonly limit?: number }) => Seen
    /** The report of the thread's running agent about itself. */
    readonly reportOf: (threadId: ThreadId) => AgentReport | undefined
    /** Returns when a signal after the position is visible. */
    readonly awaitBeyond: (position: number) => Effect.Effect<void>
  }
>() {}

/** Maximum number of bytes of a signal's data. Larger data is replaced by its size and beginning. */
const maxBytes = 4096

/** Maximum number of characters of the commands in a signal, and of one command without its name. */
const maxNames = 2500
const perCommand = 32
/** The first commands, without their descriptions. */
const firstNames = (commands: NonNullable<AgentReport["commands"]>) => {
  let characters = 0
  return commands.flatMap(({ name }) => ((characters += name.length + perCommand) > maxNames ? [] : [{ name, description: "" }]))
}

interface Entry {
  readonly signal: Signal
  readonly stream: StreamName
  readonly owner: Publisher
  /** 0 = not visible yet. */
  position: number
  removed: boolean
}

/** The latest entry of each key, in order of change. An entry that is replaced, deleted or evicted is marked as removed. */
class Latest extends BoundedMap<string, Entry> {
  override delete(key: string): boolean {
    const entry = this.get(key)
    if (entry !== undefined) entry.removed = true
    return super.delete(key)
  }
}

export const make = (options: Options = {}): Effect.Effect<typeof Signals.Service, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { every = "100 millis", keys: bound = 1024 } = options
    const pending = new Latest(bound)
    const visible = new Latest(bound)
    const hasPending = Effect.unsafeMakeLatch(false)
    /** The position of the last visible signal. */
    const head = new Watermark(0)
    /** The last batch, and the position before it. Nearly every subscriber asks from this position. */
    let lastBatch: { readonly after: number; readonly entries: ReadonlyArray<Entry> } = { after: 0, entries: [] }

    const makeVisible = Effect.sync(() => {
      hasPending.unsafeClose()
      const entries = [...pending.values()]
      pending.clear()
      lastBatch = { after: head.value, entries }
      for (const [at, entry] of entries.entries()) {
        entry.position = head.value + at + 1
        visible.renew(entry.signal.key, entry)
      }
      head.advance(head.value + entries.length)
    })
    // The first signal after a pause becomes visible at once.
    yield* hasPending.await.pipe(
      Effect.zipRight(makeVisible),
      Effect.zipRight(Effect.sleep(every)),
      Effect.forever,
      Effect.forkScoped
    )

    /** For each thread: the latest report of its live session. */
    const reports = new Map<ThreadId, { readonly owner: Publisher; readonly report: AgentReport }>()
    const publisher = (threadId: ThreadId): Publisher => {
      const stream = threadStream(threadId)
      let closed = false
      /** The session's signals by key, in order of change. There are few, so a search for the signals of an item or turn is cheap. */
      const published = new BoundedMap<string, Signal>(bound, [], (oldest) => remove(oldest))
      const remove = (key: string) => {
        published.delete(key)
        for (const latest of [pending, visible]) if (latest.get(key)?.owner === owner) latest.delete(key)
      }
      const drop = (is: (signal: Signal) => boolean) => {
        for (const [key, signal] of published) if (is(signal)) remove(key)
      }
      const dropOf = (id: TurnId | ItemId) => drop(({ itemId, turnId }) => turnId === id || itemId === id)
      const progressSignal = (progress: Exclude<ProviderSignal, { readonly kind: "agent" }>): Signal => {
        const { kind, turnId } = progress
        const about = "itemId" in progress ? { turnId, itemId: progress.itemId } : { turnId }
        return { key: `${kind}/${about.itemId ?? turnId}`, threadId, ...about, kind, data: fitUnknown(progress.data, maxBytes) }
      }
      const reportSignal = (data: AgentReport): Signal => {
        const known = reports.get(threadId)
        const report = known?.owner === owner ? { ...known.report, ...data } : data
        reports.set(threadId, { owner, report })
        const { commands, ...rest } = report
        const shown = commands === undefined ? rest : { ...rest, commands: firstNames(commands) }
        return { key: `agent/${threadId}`, threadId, kind: "agent", data: fitUnknown(shown, maxBytes) }
      }
      const owner: Publisher = {
        publish: (progress) => {
          if (closed) return
          const signal = progress.kind === "agent" ? reportSignal(progress.data) : progressSignal(progress)
          const { key } = signal
          pending.renew(key, { signal, stream, owner, position: 0, removed: false })
          published.renew(key, signal)
          hasPending.unsafeOpen()
        },
        dropEnded: (event) => {
          switch (event._tag) {
            case "ItemCompleted":
              return dropOf(event.itemId)
            case "TurnCompleted":
            case "TurnInterrupted":
            case "TurnFailed":
              return dropOf(event.turnId)
            default:
              return
          }
        },
        close: () => {
          closed = true
          if (reports.get(threadId)?.owner === owner) reports.delete(threadId)
          drop(() => true)
        }
      }
      return owner
    }

    return {
      session: (threadId) =>
        Effect.acquireRelease(
          Effect.sync(() => publisher(threadId)),
          ({ close }) => Effect.sync(close)
        ),
      position: () => head.value,
      reportOf: (threadId) => reports.get(threadId)?.report,
      since: (seen, { limit = Number.POSITIVE_INFINITY, stream } = {}) => {
        const position = head.value
        if (seen >= position) return { position: seen, signals: [] }
        const signals: Array<Signal> = []
        let last = seen
        for (const entry of seen >= lastBatch.after ? lastBatch.entries : visible.values()) {
          if (entry.removed || entry.position <= seen || (stream !== undefined && entry.stream !== stream)) continue
          if (signals.length >= limit) return { position: last, signals }
          signals.push(entry.signal)
          last = entry.position
        }
        return { position, signals }
      },
      awaitBeyond: (seen) => head.awaitBeyond(seen)
    }
  })

export const layer = (options: Options = {}) => Layer.scoped(Signals, make(options))
