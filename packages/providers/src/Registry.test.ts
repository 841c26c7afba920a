import { it } from "@effect/vitest"
import { ProviderError, Providers, type ProviderAdapter } from "@millrace/contracts/ProviderAdapter"
import { Effect, Fiber, Layer, TestClock } from "effect"
import { expect } from "vitest"
import * as Ledger from "./process/Ledger.ts"
import * as Registry from "./Registry.ts"

const slow = (looks: { count: number }): ProviderAdapter => ({
  name: "slow",
  probe: Effect.gen(function* () {
    looks.count++
    yield* Effect.sleep(500)
    return { provider: "slow", installed: true, version: `${looks.count}`, signedIn: "yes" as const, capabilities: [] }
  }),
  open: () =>
    Effect.fail(
      new ProviderError({ provider: "slow", operation: "open", outcome: "failed", failure: { kind: "unknown", message: "no" } })
    )
})

it.scoped("agents are found by name, both built-in and custom ones", () =>
  Effect.gen(function* () {
    const { adapters } = yield* Providers
    expect([...adapters.keys()]).toEqual(["demo", "slow"])
  }).pipe(
    Effect.provide(
      Layer.provide(
        Registry.layer({ acp: false, codex: false, claude: false, adapters: [slow({ count: 0 })] }),
        Ledger.layerMemory
      )
    )
  )
)

it.scoped("P8 probes run in the background: early callers share one, later ones never wait", () =>
  Effect.gen(function* () {
    const looks = { count: 0 }
    const adapter = yield* Registry.remembering(slow(looks))
    const early = yield* Effect.fork(Effect.all([adapter.probe, adapter.probe], { concurrency: 2 }))
    yield* TestClock.adjust(500)
    const [one, two] = yield* Fiber.join(early)
    expect([looks.count, one.version, two]).toEqual([1, "1", one])
    expect(one.checkedAt).toBe("1970-01-01T00:00:00.500Z")
    yield* TestClock.adjust(60_001)
    expect((yield* adapter.probe).version).toBe("1")
    yield* TestClock.adjust(500)
    expect((yield* adapter.probe).version).toBe("2")
    expect(looks.count).toBe(2)
  })
)
