/** The examples of docs/host.md. */
import { readFileSync } from "node:fs"
import { expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Random, Stream, TestClock } from "effect"
import { command } from "./Orchestration.ts"
import * as ScriptedProvider from "./ScriptedProvider.ts"
import { seeds, simulate } from "./SeededScheduler.ts"
import * as TestHost from "./TestHost.ts"

it.scoped("R1 example: an idle session is stopped after its idle time, and one that works is not", () =>
  Effect.gen(function* () {
    const agent = ScriptedProvider.make({
      turn: (turn) =>
        turn.text === "sleep" ? Effect.zipRight(turn.start, Effect.never) : Effect.zipRight(turn.start, turn.complete)
    })
    const host = yield* TestHost.make({ providers: [agent], reaper: { idle: "10 minutes", model: 0 } })
    const { threadId } = yield* TestHost.begin(host, "be quick")
    const busy = yield* TestHost.begin(host, "sleep")
    yield* TestHost.until(host, "turn.completed")
    yield* TestClock.adjust("11 minutes")
    yield* TestHost.until(host, "session.stopped")
    expect((yield* host.thread(threadId)).session?.status).toBe("stopped")
    expect((yield* host.thread(busy.threadId)).session?.status).toBe("running")
  })
)

it.scoped("T7 example: an agent that ignores an interrupt is stopped after five seconds", () =>
  Effect.gen(function* () {
    const deaf = ScriptedProvider.make({ onInterrupt: "ignore", turn: (turn) => Effect.zipRight(turn.start, Effect.never) })
    const host = yield* TestHost.make({ providers: [deaf] })
    const { threadId } = yield* TestHost.begin(host, "work for ever")
    yield* TestHost.until(host, "turn.started")
    yield* host.dispatch(command("turn.interrupt", { threadId }))
    yield* TestClock.adjust("5 seconds")
    expect((yield* TestHost.until(host, "session.stopped")).map(({ type }) => type)).toContain("turn.interrupted")
    expect(deaf.live()).toBe(0)
  })
)

it.scoped("S4 example: a slow reader has everything when the shutdown has ended, and the report says so", () =>
  Effect.gen(function* () {
    const host = yield* TestHost.make()
    yield* TestHost.begin(host, "hello")
    const slow = host.subscribe({ delivery: "lossless", capacity: 1 }).pipe(Stream.tap(() => Effect.sleep("10 millis")))
    const reader = yield* Effect.fork(Stream.runCollect(slow))
    const token = yield* host.beginShutdown({ deadline: "5 seconds", mode: "drain" })
    const finish = yield* Effect.fork(host.finishShutdown(token))
    yield* TestClock.adjust("5 seconds")
    const report = yield* Fiber.join(finish)
    expect(report.consumers).toMatchObject([{ outcome: "drained", undelivered: 0 }])
    expect(TestHost.events(yield* Fiber.join(reader)).at(-1)?.offset).toBe(report.head)
  })
)

it("D2 example: a front end that is cut anywhere and reconnects shows the same answer, 50 seeds", async () => {
  const pieces = ["one ", "two ", "three ", "four"]
  const chatty = ScriptedProvider.make({
    turn: (turn) => Effect.all([turn.start, turn.say(...pieces), turn.complete], { discard: true })
  })
  const frontEnd = Effect.gen(function* () {
    const host = yield* TestHost.make({ providers: [chatty] })
    yield* Effect.fork(TestHost.begin(host, "count"))
    const page: { shown: string; after?: string; ended: boolean } = { shown: "", ended: false }
    while (!page.ended) {
      const cut = yield* Random.nextIntBetween(1, 5)
      const connection = host.follow(page.after === undefined ? {} : { after: page.after }).pipe(
        Stream.filter((frame) => frame._tag === "event"),
        Stream.takeUntil(({ event }) => event.type === "turn.completed"),
        Stream.take(cut)
      )
      yield* Stream.runForEach(connection, ({ cursor, event }) =>
        Effect.sync(() => {
          page.after = cursor
          if (event.type === "item.delta") page.shown += (event.data as { readonly text: string }).text
          page.ended = event.type === "turn.completed"
        })
      )
    }
    return page.shown
  }).pipe(Effect.scoped, Effect.orDie)
  for await (const seed of seeds(50))
    expect(simulate(seed, frontEnd, { preempt: 0.01 }).exit, `seed ${seed}`).toEqual(Exit.succeed(pieces.join("")))
})

it("the examples of docs/host.md equal these tests, line by line", () => {
  const lines = (text: string) => text.split("\n").map((line) => line.trim())
  const here = new Set(lines(readFileSync(new URL(import.meta.url), "utf8")))
  const page = readFileSync(new URL("../../../docs/host.md", import.meta.url), "utf8")
  const blocks = [...(page.split("## Testing with a host")[1] ?? "").matchAll(/```ts\n([\s\S]*?)```/g)].map(
    ([, block]) => block ?? ""
  )
  expect(blocks).toHaveLength(3)
  // In this file the titles begin with ids of invariants.
  const others = blocks.flatMap(lines).filter((line) => !here.has(line) && !line.startsWith('it.scoped("'))
  expect(others).toEqual([])
})
