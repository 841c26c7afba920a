/**
 * Recovery runs before admission opens. It ends all turns, requests and sessions that a dead server process left open, by events with the reason (T5). Then it
 * releases the queues. Idempotent. It reads the rows of live threads, never the history (L7).
 */
import type { ThreadId } from "@millrace/contracts/Ids"
import { EventLog } from "@millrace/log/EventLog"
import { Effect, Layer } from "effect"
import { Engine } from "../engine/Engine.ts"
import * as Collections from "../readmodel/Collections.ts"
import * as RowPaging from "../readmodel/RowPaging.ts"
import { storageUnavailable } from "@millrace/log/StorageError"

export interface Report {
  /** Threads that had anything open, queued or scheduled, or an active goal. */
  readonly threads: number
}

const reason = "the server restarted; the agent's process ended with the old server"

const liveThreads = Effect.gen(function* () {
  const ids: Array<ThreadId> = []
  yield* RowPaging.eachKeys(yield* EventLog, Collections.live, (page) =>
    Effect.sync(() => {
      for (const { key } of page) ids.push(key as ThreadId)
    })
  )
  return ids
})

/** Hook between the steps: a test can inspect the state or kill the process there. */
export type OnStep = (step: "recovery-settled" | "recovery-queues-released" | "recovery-admitted") => void

const recover = Effect.fn("Recovery.run")(function* (onStep?: OnStep) {
  const engine = yield* Engine
  const threads = yield* liveThreads.pipe(Effect.mapError(storageUnavailable))
  yield* Effect.forEach(threads, (threadId) => engine.submit({ _tag: "OwnerLost", threadId, reason }), {
    concurrency: 64,
    discard: true
  })
  onStep?.("recovery-settled")
  yield* engine.releaseQueues
  yield* Effect.forEach(threads, (threadId) => engine.submit({ _tag: "QueueReleased", threadId }), {
    concurrency: 64,
    discard: true
  })
  onStep?.("recovery-queues-released")
  return { threads: threads.length } satisfies Report
})

/** Call it while the engine's admission is still closed. */
export const run = recover()

/** Recovers, then opens admission. */
export const layerOf = (onStep?: OnStep) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const engine = yield* Engine
      yield* recover(onStep)
      yield* engine.openAdmission
      onStep?.("recovery-admitted")
    })
  )
export const layer = layerOf()
