/**
 * From an agent's events to the engine, for one session: text is coalesced, large values are cut, and when the engine's lane is full the agent's
 * pipe waits. Nothing is dropped. Signals go beside all that: they wait for nothing, nothing waits for them (D12).
 */
import { wellFormedJson } from "@millrace/contracts/Text"
import type { ThreadId } from "@millrace/contracts/Ids"
import type { ProviderEvent } from "@millrace/contracts/ProviderEvent"
import { Chunk, Duration, Effect, Stream } from "effect"
import { Coalescer } from "./Coalescer.ts"
import type { Engine } from "./Engine.ts"
import type { Publisher } from "./Signals.ts"

export interface Options {
  /** How long text may wait for more of it. */
  readonly window?: Duration.DurationInput
  /** Characters of one item after which its text does not wait. */
  readonly maxText?: number
  /** Events per hand-over. */
  readonly chunk?: number
}

/**
 * Runs the session's events to their end. When it returns, everything the agent said has been handed to the engine, in order (L5).
 * Interrupted, it hands over what it holds.
 */
export const run = (
  engine: Pick<typeof Engine.Service, "ingest">,
  session: {
    readonly threadId: ThreadId
    readonly epoch: number
    readonly events: Stream.Stream<ProviderEvent>
    /** Without one signals are dropped, and all else is the same (D12). */
    readonly signals?: Publisher
  },
  options: Options = {}
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const window = Duration.decode(options.window ?? "25 millis")
    const chunk = options.chunk ?? 128
    const coalescer = new Coalescer(options.maxText ?? 8192)
    const { threadId, epoch, signals } = session
    const text = Effect.unsafeMakeLatch(false)
    const order = Effect.unsafeMakeSemaphore(1)

    /** One at a time, or the timer's batch could overtake the reader's. */
    const handOver = order.withPermits(1)(
      Effect.gen(function* () {
        for (;;) {
          const { events, weight } = coalescer.take(chunk)
          if (events.length === 0) return
          yield* engine.ingest({ fact: { _tag: "Said", threadId, epoch, events }, weight })
        }
      }).pipe(Effect.uninterruptible)
    )

    const timer = Effect.gen(function* () {
      for (;;) {
        yield* text.await
        yield* Effect.sleep(window)
        text.unsafeClose()
        coalescer.flush()
        yield* handOver
      }
    })

    const reader = Stream.runForEachChunk(session.events, (events) => {
      for (const event of Chunk.toReadonlyArray(events)) {
        if (event._tag === "Signal") signals?.publish(wellFormedJson(event))
        else {
          coalescer.push(event)
          if (event._tag !== "ItemDelta") signals?.over(event)
        }
      }
      if (coalescer.hasPending) text.unsafeOpen()
      return coalescer.readyWeight > 0 ? handOver : Effect.void
    })

    const rest = Effect.suspend(() => {
      coalescer.end()
      return handOver
    })

    yield* Effect.raceFirst(reader, timer).pipe(Effect.ensuring(rest))
  })
