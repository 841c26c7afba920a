/** The close order of the layers of a real host, recorded by a probe in each, also when each layer in turn hangs. */
import type * as BoundedLayer from "@millrace/host/internal/BoundedLayer"
import type * as HostModule from "@millrace/host/Host"
import { afterAll, beforeAll, describe, expect, it, vi } from "@effect/vitest"
import { Clock, Context, Effect, Exit, Fiber, Layer, Logger, Scope, TestClock } from "effect"
import { temporaryDirectory } from "../TemporaryDirectory.ts"
import type * as TestHostModule from "../TestHost.ts"

/** The layers that closed, in order, and the one that never ends. */
let closed: Array<string> = []
let stuck = ""
let Host: typeof HostModule
let TestHost: typeof TestHostModule

const probe = (name: string) =>
  Layer.scopedDiscard(
    Effect.addFinalizer(() =>
      Effect.zipRight(
        Effect.sync(() => closed.push(name)),
        Effect.suspend(() => (name === stuck ? Effect.never : Effect.void))
      )
    )
  )

beforeAll(async () => {
  vi.resetModules()
  vi.doMock("@millrace/host/internal/BoundedLayer", async (original: () => Promise<typeof BoundedLayer>) => {
    const right = await original()
    // Below the layer, so that it closes after the whole layer.
    const make: typeof right.make = (name, layer) => right.make(name, Layer.provideMerge(layer, probe(name)))
    return { ...right, make }
  })
  Host = (await import("@millrace/host/Host")) as typeof HostModule
  TestHost = (await import("../TestHost.ts")) as typeof TestHostModule
})
afterAll(() => {
  vi.doUnmock("@millrace/host/internal/BoundedLayer")
  vi.resetModules()
})

const core = ["The host", "The reaper", "The timers", "The dispatcher", "The checkpoints", "The engine"]
const inMemory = [...core, "The log"]
const onDisk = [...core, "The worktrees", "The search index", "The agents", "The process ledger", "The log", "The data directory"]
const quiet = Effect.provide(Logger.remove(Logger.defaultLogger))

describe("the layers of a host", () => {
  it.scoped(
    "S3 S6 in memory, on virtual time: in reverse order of building, also when each in turn hangs; within one deadline",
    () =>
      Effect.gen(function* () {
        const took: Record<string, number> = {}
        for (stuck of ["nothing", ...inMemory]) {
          closed = []
          const scope = yield* Scope.make()
          const host = yield* Scope.extend(TestHost.make({ closeWithin: "5 seconds" }), scope)
          yield* TestHost.begin(host, "hello")
          yield* TestHost.until(host, "turn.completed")
          const start = yield* Clock.currentTimeMillis
          const close = yield* Effect.fork(Effect.zipRight(Scope.close(scope, Exit.void), Clock.currentTimeMillis))
          yield* TestClock.adjust("10 seconds")
          took[stuck] = (yield* Fiber.join(close)) - start
          expect(closed, stuck).toEqual(inMemory)
        }
        expect(took).toEqual({ nothing: 0, ...Object.fromEntries(inMemory.map((name) => [name, 5000])) })
      }).pipe(quiet)
  )

  it.live(
    "S3 S6 on disk: the same, with agents, ledger, log and directory; the directory is released, whichever layer hung",
    () =>
      Effect.gen(function* () {
        const dataDir = yield* temporaryDirectory
        for (stuck of ["nothing", ...onDisk]) {
          closed = []
          const scope = yield* Scope.make()
          const options = { dataDir, closeWithin: "300 millis", providers: { codex: false, claude: false, acp: false } } as const
          const context = yield* Layer.buildWithScope(Host.layer(options), scope)
          const host = Context.get(context, Host.Host)
          yield* host.state
          const start = yield* Clock.currentTimeMillis
          yield* Scope.close(scope, Exit.void)
          expect(closed, stuck).toEqual(onDisk)
          expect((yield* Clock.currentTimeMillis) - start, stuck).toBeLessThan(10_000)
        }
      }).pipe(Effect.scoped, quiet)
  )
})
