import type { Command } from "@millrace/contracts/Command"
import type { OpenInput } from "@millrace/contracts/ProviderAdapter"
import { EventLog, type LogUnavailable } from "@millrace/log/EventLog"
import { command } from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import * as Demo from "@millrace/providers/internal/demo/Demo"
import * as Ledger from "@millrace/providers/process/Ledger"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { memoryLog } from "@millrace/testing/TestHost"
import { readdirSync, readFileSync } from "node:fs"
import { describe, expect, it } from "@effect/vitest"
import { Clock, Context, Effect, Exit, Fiber, Layer, Logger, Ref, Scope, Stream, TestClock } from "effect"
import * as Host from "./Host.ts"
import * as BoundedLayer from "./BoundedLayer.ts"

type Service = typeof Host.Host.Service
const thread = (cwd: string, text: string, provider = "scripted"): Command =>
  command("thread.create", { provider, cwd, turn: { text } })
const has = (host: Service, type: string, times = 1) =>
  host.follow({}).pipe(
    Stream.filter((frame) => frame._tag === "event" && frame.event.type === type),
    Stream.take(times),
    Stream.runDrain
  )

describe("BoundedLayer", () => {
  it.scoped("S3 a scope that only closes ends in order: bye, the agent, its last event, then the log", () =>
    Effect.gen(function* () {
      const order: Array<string> = []
      const probe = (name: string) => Effect.addFinalizer(() => Effect.sync(() => order.push(name)))
      const scripted = ScriptedProvider.make({ turn: (turn) => Effect.zipRight(turn.start, Effect.never) })
      const adapter = {
        ...scripted.adapter,
        open: (input: OpenInput) => Effect.zipRight(probe("the agent is gone"), scripted.adapter.open(input))
      }
      const log = yield* memoryLog
      const own: typeof EventLog.Service = {
        ...log,
        append: (envelopes) =>
          Effect.tap(log.append(envelopes), () => {
            for (const { events } of envelopes)
              for (const { type } of events) if (/^(turn\.interrupted|session\.stopped)$/.test(type)) order.push(type)
          })
      }
      const scope = yield* Scope.make()
      const host = Context.get(
        yield* Layer.buildWithScope(
          Host.layerMemory({
            adapters: [adapter],
            directories: ["/work"],
            store: Layer.scoped(EventLog, Effect.as(probe("the log is closed"), own))
          }),
          scope
        ),
        Host.Host
      )
      yield* host.dispatch(thread("/work", "hello"))
      yield* has(host, "turn.started")
      const reader = yield* Effect.fork(
        Stream.runForEach(host.follow({}), (frame) => Effect.sync(() => frame._tag === "bye" && order.push("goodbye")))
      )
      yield* Effect.yieldNow()
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(reader)
      expect(order.filter((step) => step !== "goodbye")).toEqual([
        "turn.interrupted",
        "the agent is gone",
        "session.stopped",
        "the log is closed"
      ])
      expect(order.indexOf("goodbye")).toBeGreaterThan(order.indexOf("session.stopped"))
    })
  )

  it.scoped("S3 S6 layers close in reverse order also when each in turn hangs, within one total deadline", () =>
    Effect.gen(function* () {
      const names = ["first", "second", "third", "fourth"]
      const run = (stuck: string) =>
        Effect.gen(function* () {
          const closed: Array<string> = []
          const layers = names
            .map((name) =>
              BoundedLayer.make(
                name,
                Layer.scopedDiscard(
                  Effect.addFinalizer(() =>
                    Effect.zipRight(
                      Effect.sync(() => closed.push(name)),
                      name === stuck ? Effect.never : Effect.void
                    )
                  )
                )
              )
            )
            .reduce((below, above) => Layer.provideMerge(above, below))
          const scope = yield* Scope.make()
          yield* Layer.buildWithScope(Layer.provide(layers, BoundedLayer.closing("5 seconds")), scope)
          const start = yield* Clock.currentTimeMillis
          const took = yield* Ref.make(-1)
          const close = yield* Effect.fork(
            Effect.zipRight(
              Scope.close(scope, Exit.void),
              Effect.flatMap(Clock.currentTimeMillis, (now) => Ref.set(took, now - start))
            )
          )
          yield* TestClock.adjust("5 seconds")
          yield* Fiber.join(close)
          expect(closed, stuck).toEqual(names.toReversed())
          return yield* Ref.get(took)
        })
      expect(yield* Effect.forEach([...names, "none"], run)).toEqual([5000, 5000, 5000, 5000, 0])
    })
  )

  it.live("L2 a custom store under the host of a data directory: everything is in it, and outlives the host", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryDirectory
      const log = yield* memoryLog
      const store: Layer.Layer<EventLog, LogUnavailable> = Layer.succeed(EventLog, log)
      const once = Effect.scoped(
        Effect.gen(function* () {
          const scripted = ScriptedProvider.make()
          const host = yield* Host.make({
            dataDir,
            store,
            providers: { codex: false, claude: false, acp: false, adapters: [scripted.adapter] }
          })
          yield* host.dispatch(thread(dataDir, "hello"))
          return yield* has(host, "turn.completed")
        })
      )
      yield* once
      const head = yield* log.head
      expect(head).toBeGreaterThan(5)
      yield* once
      expect(yield* log.head).toBeGreaterThan(head)
    }).pipe(Effect.scoped)
  )

  const children = (): ReadonlyArray<string> =>
    readdirSync("/proc/self/task").flatMap((task) =>
      readFileSync(`/proc/self/task/${task}/children`, "utf8").trim().split(" ").filter(Boolean)
    )

  it.live.runIf(process.platform === "linux")(
    "S8 P2 a real agent that ignores everything is killed by the deadline, with its children; its output is in the log (case 27)",
    () =>
      Effect.gen(function* () {
        const dataDir = yield* temporaryDirectory
        const before = children()
        // Nothing but the deadline of the shutdown ends this agent in less than an hour.
        const patient = yield* Demo.make({ stopMillis: { stdin: 3_600_000, term: 3_600_000 }, interruptMillis: 3_600_000 })
        const host = yield* Host.make({
          dataDir,
          synchronous: "NORMAL",
          providers: { codex: false, claude: false, acp: false, adapters: [patient] },
          dispatcher: { budgets: { call: "1 hour", interrupt: "1 hour", stop: "1 hour" } }
        })
        yield* host.dispatch(thread(dataDir, "[[say last words]] [[hang]]", "demo"))
        yield* has(host, "item.completed", 2)
        expect(children().length).toBeGreaterThan(before.length)
        const token = yield* host.beginShutdown({ deadline: "3 seconds", mode: "now" })
        const result = yield* Effect.either(host.finishShutdown(token))
        const report = result._tag === "Right" ? result.right : result.left
        expect(report).toMatchObject({ sessions: 1, drained: true, exits: [{ outcome: "stopped" }] })
        expect(children()).toEqual(before)
        const { items } = yield* host.items((yield* host.state).threads[0]!.threadId, {})
        expect(items.some(({ text, status }) => text === "last words" && status === "completed")).toBe(true)
        expect((yield* host.state).threads[0]).toMatchObject({ status: "idle", queuedTurnIds: [] })
      }).pipe(Effect.scoped, Effect.provide([Logger.remove(Logger.defaultLogger), Ledger.layerMemory]))
  )
})
