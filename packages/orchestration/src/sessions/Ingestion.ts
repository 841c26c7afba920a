/**
 * Feeds one session's events to the engine: coalesces text, makes blobs of large values, and stops reading the agent's stdout while the engine's lane is full.
 * No event is dropped. Signals bypass this: they neither wait nor delay an event (D12).
 */
import { defined } from "@millrace/contracts/Defined"
import { wellFormedJson } from "@millrace/contracts/Text"
import * as Permits from "@millrace/contracts/Permits"
import type { ThreadId } from "@millrace/contracts/Ids"
import type { DurableEvent, ProviderEvent } from "@millrace/contracts/ProviderEvent"
import { type Blob, storedBytes } from "@millrace/log/Blob"
import { Chunk, Duration, Effect, Stream } from "effect"
import * as AgentFiles from "./AgentFiles.ts"
import * as AskedPaths from "./AskedPaths.ts"
import { Coalescer, weigh } from "./Coalescer.ts"
import type { Engine } from "../engine/Engine.ts"
import { keptWhole } from "../state/KeptWhole.ts"
import { fitEvent } from "../state/LargeValues.ts"
import type { Publisher } from "../streams/Signals.ts"

export interface Options {
  /** How long text waits to be joined with the next delta. Default 25 ms. */
  readonly window?: Duration.DurationInput
  /** Characters of one item's joined text after which it is sent at once. Default 8,192. */
  readonly maxText?: number
  /** Maximum events per fact. Default 128. */
  readonly chunk?: number
}

/** Bytes of these events and of the blobs that they name, about. */
const weightOf = (events: ReadonlyArray<DurableEvent>, blobs: ReadonlyArray<Blob>): number =>
  events.reduce((sum, event) => sum + weigh(event), 0) + blobs.reduce((sum, blob) => sum + storedBytes(blob), 0)

/**
 * Reads the session's events to their end. When it returns, all of them are in the engine's lane, in order (L5).
 * If it is interrupted, it first passes its pending events to the engine.
 */
export const run = (
  engine: Pick<typeof Engine.Service, "ingest">,
  session: {
    readonly threadId: ThreadId
    readonly epoch: number
    readonly events: Stream.Stream<ProviderEvent>
    /** The workspace. Absent: no approval rule accepts anything. */
    readonly cwd?: string
    /** Absent: signals are dropped; nothing else changes (D12). */
    readonly signals?: Publisher
  },
  options: Options = {}
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const window = Duration.decode(options.window ?? "25 millis")
    const chunk = options.chunk ?? 128
    const coalescer = new Coalescer(options.maxText ?? 8192)
    const { threadId, epoch, signals } = session
    /** Open while some text waits for the next delta. */
    const hasText = Effect.unsafeMakeLatch(false)
    const oneAtATime = Permits.make(1)

    /** Passes the coalesced events to the engine. One run at a time, so that the timer's events cannot overtake the reader's. */
    const ingestReady = oneAtATime(
      Effect.gen(function* () {
        for (;;) {
          const { events, weight } = coalescer.take(chunk)
          if (events.length === 0) return
          const shown = yield* AgentFiles.stored(events)
          const large = yield* keptWhole(shown.events, fitEvent)
          const { values } = large
          const blobs = [...shown.blobs, ...large.blobs]
          const inside = session.cwd === undefined ? undefined : yield* AskedPaths.inside(session.cwd, values)
          const fact = { _tag: "AgentEvents", threadId, epoch, events: values, ...defined({ inside }) } as const
          yield* engine.ingest(
            blobs.length === 0 ? { fact, weight } : { fact: { ...fact, blobs }, weight: weightOf(values, blobs) }
          )
        }
      }).pipe(Effect.uninterruptible)
    )

    const timer = Effect.gen(function* () {
      for (;;) {
        yield* hasText.await
        yield* Effect.sleep(window)
        hasText.unsafeClose()
        coalescer.flush()
        yield* ingestReady
      }
    })

    const reader = Stream.runForEachChunk(session.events, (events) => {
      for (const event of Chunk.toReadonlyArray(events)) {
        if (event._tag === "Signal") signals?.publish(wellFormedJson(event))
        else {
          coalescer.push(event)
          if (event._tag !== "ItemDelta") signals?.dropEnded(event)
        }
      }
      if (coalescer.hasPending) hasText.unsafeOpen()
      return coalescer.readyWeight > 0 ? ingestReady : Effect.void
    })

    const rest = Effect.suspend(() => {
      coalescer.end()
      return ingestReady
    })

    yield* Effect.raceFirst(reader, timer).pipe(Effect.ensuring(rest))
  })
