import { expect, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { storage } from "./EventLogMemory.ts"
import * as StoredLog from "./StoredLog.ts"
import { envelope, event, range } from "./suite/subject.ts"

/** A log of random commits with a small ring, and random questions to it: the answer must be the table's, wherever it came from. */
const scenario = (seed: number) =>
  Effect.gen(function* () {
    const store = storage("01RNGTEST00000000000000000")
    const sizes = { ringBytes: yield* Random.nextIntBetween(500, 6_000), pageBytes: yield* Random.nextIntBetween(200, 1_500) }
    const log = yield* StoredLog.make(store, sizes)
    const thread = Effect.map(Random.nextIntBetween(0, 3), (n) => `thread/thr_${n}`)
    for (const n of range(1, 25)) {
      const events = yield* Effect.replicateEffect(
        Effect.flatMap(thread, (name) =>
          Effect.map(Random.nextIntBetween(0, 300), (size) => event(name, { n, text: "ü".repeat(size) }))
        ),
        yield* Random.nextIntBetween(1, 7)
      )
      yield* log.append([envelope(events)])
    }
    const head = yield* log.head
    for (const _ of range(1, 60)) {
      const query = {
        after: yield* Random.nextIntBetween(Math.floor(head / 2), head + 1),
        ...((yield* Random.nextBoolean) && { stream: yield* thread }),
        ...((yield* Random.nextBoolean) && { limit: yield* Random.nextIntBetween(0, 12) }),
        ...((yield* Random.nextBoolean) && { maxBytes: yield* Random.nextIntBetween(1, 3_000) })
      }
      const page = yield* log.read(query)
      expect(page, JSON.stringify({ seed, query })).toEqual(store.view((view) => view.events(query)))
    }
  }).pipe(Effect.withRandom(Random.make(seed)))

it.effect("D1 D4 D10 what is read from memory is what the table holds: rows, upper bound, budgets, filters, for 200 seeds", () =>
  Effect.forEach(range(1, 200), scenario, { discard: true })
)
