/** An adapter for an agent that is a local program. `probe` and `open` each look up the program first. `probe` has a deadline. */
import { defined } from "@millrace/contracts/Defined"
import { cut } from "@millrace/contracts/Text"
import { type OpenInput, type ProviderAdapter, ProviderError, type ProviderSession } from "@millrace/contracts/ProviderAdapter"
import type { Settable } from "@millrace/contracts/Settable"
import type { Settings } from "@millrace/contracts/Settings"
import type { Offered, ProviderStatus } from "@millrace/contracts/State"
import { DateTime, Effect, Option, type Scope } from "effect"
import { Ledger } from "./process/Ledger.ts"

export interface Program {
  readonly name: string
  readonly capabilities: ProviderSession["capabilities"]
  readonly settable: Settable
  readonly defaults: Settings
  /** Path or command of the program. Called each time, because it may be installed or removed while the server runs. */
  readonly find: () => Option.Option<string>
  /** Why the program was not found, and what to do. */
  readonly missing: () => string
  /** Deadline of a probe; the process of an agent that hangs is killed within about four seconds more. */
  readonly probeMillis: number
  /** Probes the agent with one short-lived process; an absent `signedIn` means `unknown`. A failure that is a string states what to do. */
  readonly probe: (
    found: string
  ) => Effect.Effect<
    Partial<Pick<ProviderStatus, "version" | "signedIn" | "fix" | keyof Offered>>,
    ProviderError | string,
    Ledger
  >
  /** `learn` records what the agent reported that a person can choose, for the next status: a probe starts no session to ask. */
  readonly open: (
    input: OpenInput,
    found: string,
    learn: (offered: Offered) => void
  ) => Effect.Effect<ProviderSession, ProviderError, Scope.Scope | Ledger>
}

const messageOf = (error: ProviderError | string): string =>
  cut(typeof error === "string" ? error : [error.failure.message, error.failure.detail].filter(Boolean).join("\n"), 1000)

/** Builds the adapter. The ledger records each process that it starts. */
export const adapter = (program: Program): Effect.Effect<ProviderAdapter, never, Ledger> =>
  Effect.map(Ledger, (ledger) => {
    const { capabilities, defaults, name, probeMillis, settable } = program
    let learned: Offered = {}
    const learn = (offered: Offered) => {
      learned = { ...learned, ...defined(offered) }
    }
    const probe = Effect.gen(function* () {
      const checkedAt = DateTime.formatIso(yield* DateTime.now)
      const status = { provider: name, capabilities, checkedAt, signedIn: "unknown" } as const
      const found = program.find()
      if (Option.isNone(found)) return { ...status, installed: false, fix: program.missing() } satisfies ProviderStatus
      return yield* program.probe(found.value).pipe(
        Effect.timeoutFail({ duration: probeMillis, onTimeout: () => `${name} did not answer within ${probeMillis} ms.` }),
        Effect.match({
          onFailure: (error): ProviderStatus => ({ ...status, installed: true, fix: messageOf(error) }),
          onSuccess: (probed): ProviderStatus => ({ ...status, installed: true, ...learned, ...probed })
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
      settable,
      defaults,
      probe: Effect.provideService(probe, Ledger, ledger).pipe(Effect.withSpan(`${name}.probe`)),
      open: (input) =>
        Option.match(program.find(), {
          onNone: () => missing,
          onSome: (found) => Effect.provideService(program.open(input, found, learn), Ledger, ledger)
        })
    }
  })
