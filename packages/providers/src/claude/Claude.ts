/** The Claude Code adapter: the `claude` program (tested with 2.1.197) behind the contract of every agent (decision 0050). */
import { ProviderError, type ProviderAdapter } from "@millrace/contracts/ProviderAdapter"
import type { ProviderStatus } from "@millrace/contracts/State"
import { DateTime, Effect, Option } from "effect"
import { Ledger } from "../process/Ledger.ts"
import * as Process from "./Process.ts"
import * as Session from "./Session.ts"

export type { ClaudeOptions } from "./Process.ts"

const name = "claude"
/** A look at an agent that hangs ends here. */
const probeMillis = 10_000

const missing = new ProviderError({
  provider: name,
  operation: "open",
  outcome: "failed",
  failure: { kind: "not-installed", message: Process.notInstalled }
})

/** Needs the ledger for each process it starts. */
export const make = (options: Process.ClaudeOptions = {}): Effect.Effect<ProviderAdapter, never, Ledger> =>
  Effect.gen(function* () {
    const ledger = yield* Ledger
    const probe = Effect.gen(function* () {
      const status = { provider: name, capabilities: Session.capabilities, checkedAt: DateTime.formatIso(yield* DateTime.now) }
      const binary = Process.find(options, process.env)
      if (Option.isNone(binary))
        return { ...status, installed: false, signedIn: "unknown", fix: Process.notInstalled } satisfies ProviderStatus
      const signedIn = Process.signedIn(options, process.env)
      return yield* Process.version(binary.value, options).pipe(
        Effect.timeoutFail({ duration: probeMillis, onTimeout: () => `Claude did not answer within ${probeMillis} ms.` }),
        Effect.match({
          onFailure: (fix): ProviderStatus => ({ ...status, installed: true, signedIn: "unknown", fix }),
          onSuccess: (version): ProviderStatus => ({ ...status, installed: true, version, signedIn })
        })
      )
    })
    return {
      name,
      probe: Effect.provideService(probe, Ledger, ledger).pipe(Effect.withSpan("Claude.probe")),
      open: (input) =>
        Option.match(Process.find(options, process.env), {
          onNone: () => Effect.fail(missing),
          onSome: (binary) => Effect.provideService(Session.open(input, options, binary), Ledger, ledger)
        })
    }
  })
