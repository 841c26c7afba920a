/** The providers of a server, by name. Their probes are cached, so that only the first caller waits. */
import { type ProviderAdapter, Providers } from "@millrace/contracts/ProviderAdapter"
import type { ProviderStatus } from "@millrace/contracts/State"
import { Clock, DateTime, Deferred, Effect, Layer, type Scope } from "effect"
import * as Acp from "./acp/Acp.ts"
import { offered } from "./acp/Agents.ts"
import * as Claude from "./claude/Claude.ts"
import * as Codex from "./codex/Codex.ts"
import * as Demo from "./demo/Demo.ts"
import * as Instance from "./Instance.ts"
import type { Ledger } from "./process/Ledger.ts"

export interface RegistryOptions {
  /** Agents that speak the Agent Client Protocol, in addition to the known ones on the PATH. `false`: neither. */
  readonly acp?: ReadonlyArray<Acp.AcpAgent> | false
  /** `false`: not offered. Default: offered, with Claude's own settings. */
  readonly claude?: Claude.ClaudeOptions | false
  /** `false`: not offered. Default: offered, with Codex' own settings. */
  readonly codex?: Codex.CodexOptions | false
  /** Named instances; each replaces the built-in provider of that name, if one exists. `false`: the provider of that name is not offered. */
  readonly instances?: Readonly<Record<string, Instance.Instance | false>>
  /** An embedder's adapters; each replaces a provider of the same name. */
  readonly adapters?: ReadonlyArray<ProviderAdapter>
}

/** Delay of the first probe, so that a short-lived host ends without probing. */
const firstLookMillis = 2000
/** Age after which a cached status is refreshed in the background; it is still returned at once. */
const freshMillis = 60_000

const unknown = (provider: string) => ({ provider, installed: false, signedIn: "unknown" as const, capabilities: [] })

/**
 * The adapter with a cached `probe`. The first probe runs `firstLookMillis` after the start, or on the first call; only callers before its result
 * wait. Probes run in the scope, one at a time.
 */
export const remembering = (adapter: ProviderAdapter): Effect.Effect<ProviderAdapter, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const first = yield* Deferred.make<ProviderStatus>()
    const state: { latest?: { readonly status: ProviderStatus; readonly at: number }; looking: boolean } = { looking: false }

    const look = Effect.gen(function* () {
      const found = yield* Effect.catchAllDefect(adapter.probe, (defect) =>
        Effect.succeed<ProviderStatus>({ ...unknown(adapter.name), fix: `The probe failed: ${String(defect)}` })
      )
      const at = yield* Clock.currentTimeMillis
      const status = { ...found, checkedAt: found.checkedAt ?? DateTime.formatIso(yield* DateTime.now) }
      state.latest = { status, at }
      yield* Deferred.succeed(first, status)
    }).pipe(Effect.ensuring(Effect.sync(() => (state.looking = false))))
    const lookOnce = Effect.suspend(() => {
      if (state.looking) return Effect.void
      state.looking = true
      return Effect.asVoid(Effect.forkIn(look, scope))
    })

    yield* Effect.sleep(firstLookMillis).pipe(
      Effect.zipRight(Effect.suspend(() => (state.latest === undefined ? lookOnce : Effect.void))),
      Effect.forkIn(scope)
    )
    return {
      ...adapter,
      probe: Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const { latest } = state
        if (latest === undefined) return Effect.zipRight(lookOnce, Deferred.await(first))
        return Effect.as(now - latest.at > freshMillis ? lookOnce : Effect.void, latest.status)
      })
    }
  })

/** In this order: `demo`, `codex` and `claude` unless switched off, the ACP agents that are found, the instances, the embedder's adapters. A later provider replaces an earlier one of the same name. */
export const layer = (options: RegistryOptions = {}): Layer.Layer<Providers, never, Ledger> =>
  Layer.scoped(
    Providers,
    Effect.gen(function* () {
      const instances = Object.entries(options.instances ?? {})
      const named = new Map<string, ProviderAdapter>()
      for (const [name, instance] of instances) if (instance !== false) named.set(name, yield* Instance.make(name, instance))
      const ours = [
        yield* Demo.make(),
        ...(options.codex === false ? [] : [yield* Codex.make(options.codex)]),
        ...(options.claude === false ? [] : [yield* Claude.make(options.claude)]),
        ...(options.acp === false ? [] : yield* Effect.forEach(offered(options.acp ?? [], process.env), Acp.make))
      ].filter(({ name }) => instances.every(([other]) => other !== name))
      const adapters = new Map(
        [...ours, ...named.values(), ...(options.adapters ?? [])].map((adapter) => [adapter.name, adapter])
      )
      const remembered = yield* Effect.forEach(adapters.values(), remembering)
      return { adapters: new Map(remembered.map((adapter) => [adapter.name, adapter])) }
    })
  )
