import { it } from "@effect/vitest"
import { seeds, simulate } from "@millrace/testing/SeededScheduler"
import { Chunk, Effect, Exit, Stream } from "effect"
import { describe, expect } from "vitest"
import * as Inbox from "./Inbox.ts"

describe("Inbox", () => {
  it("P5 everything offered before the end arrives once, in order, and the producer waits at the bounds", async () => {
    for await (const seed of seeds(200, 0)) {
      const run = simulate(
        seed,
        Effect.gen(function* () {
          const inbox = Inbox.make<number>({ items: 4, bytes: 1000 })
          let taken = 0
          let most = 0
          yield* Effect.fork(
            Effect.gen(function* () {
              for (let i = 0; i < 40; i++) {
                yield* inbox.room
                inbox.offer(i, 1)
                if (i % 7 === 0) inbox.wake()
                most = Math.max(most, i + 1 - taken)
                yield* Effect.yieldNow()
              }
              inbox.end()
            })
          )
          const got: Array<number> = []
          yield* inbox.stream.pipe(
            Stream.chunks,
            Stream.runForEach((chunk) =>
              Effect.sync(() => {
                taken += Chunk.size(chunk)
                got.push(...chunk)
              })
            )
          )
          return { got, most }
        })
      )
      expect(run.exit, `seed ${seed}`).toEqual(
        Exit.succeed({ got: Array.from({ length: 40 }, (_, i) => i), most: expect.anything() })
      )
      if (typeof run.exit === "object" && Exit.isSuccess(run.exit))
        expect(run.exit.value.most, `seed ${seed}`).toBeLessThanOrEqual(8)
    }
  })

  it.effect("it is also bounded in bytes, and taking frees capacity", () =>
    Effect.gen(function* () {
      const inbox = Inbox.make<string>({ items: 100, bytes: 10 })
      inbox.offer("big", 10)
      const waiting = yield* Effect.fork(inbox.room)
      yield* Effect.yieldNow()
      expect(waiting.unsafePoll()).toBeNull()
      expect(Chunk.toReadonlyArray(yield* inbox.take)).toEqual(["big"])
      yield* inbox.room
    })
  )
})
