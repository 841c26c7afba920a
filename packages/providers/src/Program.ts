/** An adapter for an agent that is a local program. `probe` and `open` each look up the program first. `probe` has a deadline. */
import { cut } from "@millrace/contracts/Text"
import { type OpenInput, type ProviderAdapter, ProviderError, type ProviderSession } from "@millrace/contracts/ProviderAdapter"
import type { ProviderStatus } from "@millrace/contracts/State"
import { DateTime, Effect, Option, type Scope } from "effect"
import { Ledger } from "./process/Ledger.ts"

export interface Program {
  readonly name: string
  readonly capabilities: ProviderSession["capabilities"]
  /** Path or command of the program. Called each time, because it may be installed or removed while the server runs. */
  readonly find: () => Option.Option<string>
  /** Why the program was not found, and what to do. */
  readonly missing: () => string
  /** Deadline of a probe; the process of an agent that hangs is killed within about four seconds more. */
  readonly probeMillis: number
  /** Probes the agent with one short-lived process; an absent `signedIn` means `unknown`. A failure that is a string says what to do. */
  readonly probe: (
    found: string
  ) => Effect.Effect<Partial<Pick<ProviderStatus, "version" | "signedIn" | "fix">>, ProviderError | string, Ledger>
  readonly open: (input: OpenInput, found: string) => Effect.Effect<ProviderSession, ProviderError, Scope.Scope | Ledger>
}

const messageOf = (error: ProviderError | string): string =>
  cut(typeof error === "string" ? error : [error.failure.message, error.failure.detail].filter(Boolean).join("\n"), 1000)

/** Builds the adapter. The ledger records each process that it starts. */
export const adapter = (program: Program): Effect.Effect<ProviderAdapter, never, Ledger> =>
  Effect.map(Ledger, (ledger) => {
    const { capabilities, probeMillis, name } = program
    const probe = Effect.gen(function* () {
      const checkedAt = DateTime.formatIso(yield* DateTime.now)
      const status = { provider: name, capabilities, checkedAt, signedIn: "unknown" } as const
      const found = program.find()
      if (Option.isNone(found)) return { ...status, installed: false, fix: program.missing() } satisfies ProviderStatus
      return yield* program.probe(found.value).pipe(
        Effect.timeoutFail({ duration: probeMillis, onTimeout: () => `${name} did not answer within ${probeMillis} ms.` }),
        Effect.match({
          onFailure: (error): ProviderStatus => ({ ...status, installed: true, fix: messageOf(error) }),
          onSuccess: (probed): ProviderStatus => ({ ...status, installed: true, ...probed })
        })
      )
    })
    const missing = Effect.suspend(() =>
      Effect.fail(
        new ProviderError({
          provider: name,
          operation: "open",
          outcome: "failed",
          failure: { kind: "not-installed", message: program.missing() }
        })
      )
    )
    return {
      name,
      probe: Effect.provideService(probe, Ledger, ledger).pipe(Effect.withSpan(`${name}.probe`)),
      open: (input) =>
        Option.match(program.find(), {
          onNone: () => missing,
          onSome: (found) => Effect.provideService(program.open(input, found), Ledger, ledger)
        })
    }
  })
