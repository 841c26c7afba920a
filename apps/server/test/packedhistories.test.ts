/**
 * Random histories, recorded by the readers of every transport: live, then from random cursors before packing, in the middle of it, after it, after a restart, after
 * a deletion and after a removal. The bytes of an event are the same everywhere and at all times. `MILLRACE_TEST_SEEDS=200 MILLRACE_TEST_SLOWER=20` tries all seeds.
 */
import { expect, it } from "@effect/vitest"
import type { EventFilter } from "@millrace/contracts/Filter"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import { knownThreads } from "@millrace/testing/KnownThreads"
import { mulberry32, seeds } from "@millrace/testing/SeededScheduler"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, ExecutionStrategy, Exit, Fiber, Scope } from "effect"
import { join } from "node:path"
import * as Tokens from "../src/auth/Tokens.ts"
import * as Recorder from "./histories/Recorder.ts"
import * as Written from "./histories/Written.ts"
import { fair, start } from "./support/Fixture.ts"

const parsed = (line: string) =>
  JSON.parse(line.slice(line.indexOf(" ") + 1)) as { readonly offset: number; readonly stream: string; readonly type: string }

const filterOf = (below: Written.Below, streams: ReadonlyArray<EventFilter["stream"] & string>): EventFilter => {
  const some = streams.filter(() => below(2) === 0)
  const stream = [undefined, Written.pick(below, streams), some.length > 1 ? some : undefined][below(3)]
  const types = below(3) === 0 ? Written.pick(below, [["item.delta"], ["turn.*"], ["item.*", "turn.completed"]]) : undefined
  return { ...(stream === undefined ? {} : { stream }), ...(types === undefined ? {} : { types }) }
}

const askOf = (below: Written.Below, streams: ReadonlyArray<EventFilter["stream"] & string>, head: number): Recorder.Ask => ({
  filter: filterOf(below, streams),
  after: below(4) === 0 ? undefined : below(head + 1),
  limit: 3 + below(below(2) === 0 ? 30 : 400),
  cuts: Array.from({ length: below(4) }, () => 40 + below(below(2) === 0 ? 400 : 20_000))
})
const whole: Recorder.Ask = { filter: {}, after: undefined, limit: 1_000, cuts: [] }

/** One history. Returns how much of everything it had. */
const play = (seed: number) =>
  Effect.gen(function* () {
    const random = mulberry32(seed)
    const below: Written.Below = (bound) => Math.floor(random() * bound)
    const file = join(yield* temporaryDirectory, "log.db")
    const written = Written.make(below)
    const deleted = new Set<string>()
    const parent = yield* Effect.scope
    let server = yield* Scope.fork(parent, ExecutionStrategy.sequential)
    const open = Effect.gen(function* () {
      const log = yield* EventLogSqlite.make({ file, synchronous: "NORMAL", ringBytes: below(2) === 0 ? 1 : 100_000 })
      const known = knownThreads(log, (id) => !deleted.has(`thread/${id}`))
      return yield* start({ log: known })
    })
    let place = yield* Scope.extend(open, server)
    const { log } = place
    // Both get the last event, which ends them.
    const narrow: EventFilter = { stream: ["server", written.streams[0]!], types: ["item.*"] }
    const following = yield* Effect.fork(Effect.all([Recorder.live(place, {}), Recorder.live(place, narrow)], { concurrency: 2 }))
    for (const batch of written.batches(6 + below(16))) {
      yield* log.append(batch)
      yield* Effect.yieldNow()
    }
    yield* log.append([written.last()])
    const head = yield* log.head
    const asks = [whole, ...Array.from({ length: 2 }, () => askOf(below, written.streams, head))]
    const label = (step: string, ask: Recorder.Ask, name = "") => `seed ${seed}, ${step}, ${name} ${JSON.stringify(ask)}`

    const record = (step: string) =>
      Effect.forEach(asks, (ask) =>
        Effect.map(Recorder.recorded(place, ask), (all) => {
          const expected = all["in process"]
          for (const [name, history] of Object.entries(all)) expect(history, label(step, ask, name)).toEqual(expected)
          return expected
        })
      )
    let expected = yield* record("hot")
    const [all, some] = yield* Fiber.join(following)
    for (const [name, history] of Object.entries(all)) expect(history, `seed ${seed}, live, ${name}`).toEqual(expected[0])
    const isNarrow = ({ stream, type }: ReturnType<typeof parsed>) =>
      ["server", written.streams[0]].some((name) => name === stream) && type.startsWith("item.")
    for (const [name, history] of Object.entries(some))
      expect(history, `seed ${seed}, live, ${name}`).toEqual(expected[0]!.filter((line) => isNarrow(parsed(line))))

    const same = (step: string) =>
      Effect.map(record(step), (found) => {
        for (const [n, history] of found.entries()) expect(history, label(step, asks[n]!)).toEqual(expected[n])
      })
    const remove = Effect.gen(function* () {
      const stream = Written.pick(
        below,
        written.streams.filter((name) => name !== "server")
      )
      deleted.add(stream)
      // The stream may have no event yet; its last one reports the deletion.
      yield* place.log.append([written.deletion(stream)])
      const found = yield* record("deleted")
      const others = (history: Recorder.History) =>
        history.filter((line) => parsed(line).stream !== stream && parsed(line).offset <= head)
      for (const [n, history] of found.entries()) {
        expect(others(history), label("deleted", asks[n]!)).toEqual(others(expected[n]!))
        for (const line of history.slice(0, -1))
          if (parsed(line).stream === stream) expect(["log.forgotten", "thread.deleted"]).toContain(parsed(line).type)
      }
      expect(found[0]!.slice(0, head).map((line) => parsed(line).offset)).toEqual(Array.from({ length: head }, (_, n) => n + 1))
      expected = found
    })

    const when = below(4)
    if (when === 1) yield* remove
    for (let n = below(3); n > 0; n--) yield* place.log.pack({ below: 1 + below(head), before: "9999", partial: true })
    yield* same("packed in part")
    if (when === 2) yield* remove
    const { token } = yield* Tokens.create(place.dataDir, { name: "owner", scope: "admin" })
    const packed = yield* place.call("/api/log/pack", { method: "POST", headers: { authorization: `Bearer ${token}` } })
    expect(JSON.parse(packed.body), packed.body).toMatchObject({ more: false })
    const { coldUpTo } = yield* place.log.disk
    expect(coldUpTo, `seed ${seed}`).toBe(yield* place.log.head)
    yield* same("packed")
    if (when === 3) yield* remove
    yield* place.log.awaitErased

    yield* Scope.close(server, Exit.void)
    server = yield* Scope.fork(parent, ExecutionStrategy.sequential)
    place = yield* Scope.extend(open, server)
    yield* same("opened again")

    const kept = below(3) === 0 ? 1 + below(head) : 0
    if (kept > 0) {
      yield* place.log.trim(kept)
      const retained = yield* place.log.retainedFrom
      for (const [n, ask] of asks.entries()) {
        const rest = expected[n]!.filter((line) => parsed(line).offset > retained)
        if (ask.after !== undefined && ask.after < retained) {
          const refused = yield* place.call(`/api/events?after=${place.log.epoch}-${ask.after}`)
          expect([refused.status, JSON.parse(refused.body)], label("removed", ask)).toMatchObject([
            410,
            { _tag: "CursorExpired" }
          ])
        }
        const from = { ...ask, after: Math.max(ask.after ?? 0, retained) }
        for (const [name, history] of Object.entries(yield* Recorder.recorded(place, from)))
          expect(history, label("removed", from, name)).toEqual(rest)
      }
    }
    yield* Scope.close(server, Exit.void)
    const cuts = asks.reduce((sum, { cuts }) => sum + cuts.length, 0)
    return { events: head, cuts, deletions: deleted.size, removals: kept > 0 ? 1 : 0 }
  }).pipe(Effect.scoped, fair)

const isLong = process.env["MILLRACE_TEST_SEEDS"] !== undefined
const count = isLong ? 200 : 6

it("L13 L14 L17 D9 SSE, RPC, long-poll, pages and in-process readers get the same bytes before, during and after packing, deletion and removal", async () => {
  const sum = { seeds: 0, events: 0, cuts: 0, deletions: 0, removals: 0 }
  const began = performance.now()
  for await (const seed of seeds(count)) {
    const part = await Effect.runPromise(play(seed))
    if (isLong) console.info(`seed ${seed}: ${JSON.stringify(part)}, ${Math.round(performance.now() - began)} ms`)
    sum.seeds++
    for (const key of Object.keys(part) as ReadonlyArray<keyof typeof part>) sum[key] += part[key]
  }
  if (isLong) console.info(`${JSON.stringify(sum)} in ${((performance.now() - began) / 1000).toFixed(1)} s`)
  expect(sum.events).toBeGreaterThan(40 * sum.seeds)
  for (const [what, times] of Object.entries(sum)) expect(times, what).toBeGreaterThan(0)
})
