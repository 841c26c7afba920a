import { expect, it } from "@effect/vitest"
import type { PlacedEvent } from "./Batch.ts"
import { Ring } from "./Ring.ts"

const event = (offset: number, bytes: number): PlacedEvent => ({
  offset,
  stream: "thread/a",
  version: offset,
  type: "x",
  json: JSON.stringify({ offset, text: "x".repeat(bytes) }),
  bytes
})

it("D7 pages that the ring has evicted can be collected", async () => {
  const ring = new Ring(10_000, 10_000)
  let collected = 0
  const registry = new FinalizationRegistry(() => collected++)
  for (let offset = 1; offset <= 500; offset++) {
    const events = [event(offset, 1_000)]
    registry.register(events, offset)
    ring.push(offset - 1, offset, events)
  }
  expect(ring.bytes).toBeLessThanOrEqual(10_000)
  // Finalizers run in turns of the event loop after a collection. `gc` needs a flag, which a new context picks up at run time.
  const { setFlagsFromString } = await import("node:v8")
  const { runInNewContext } = await import("node:vm")
  setFlagsFromString("--expose-gc")
  const gc = runInNewContext("gc") as () => void
  for (let turn = 0; turn < 3; turn++) {
    gc()
    await new Promise((done) => setImmediate(done))
  }
  expect(collected).toBeGreaterThan(450)
})
