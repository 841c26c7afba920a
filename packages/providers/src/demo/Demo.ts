/** Provider `demo`: a scripted agent for newcomers, front-end authors and tests (docs/interface.md, "The demo agent"). */
import { fileURLToPath } from "node:url"
import type { ProviderAdapter } from "@millrace/contracts/ProviderAdapter"
import { Effect } from "effect"
import { Ledger } from "../process/Ledger.ts"
import * as Session from "./Session.ts"

export const name = "demo"

export interface DemoOptions {
  /** Grace period of a stop after closing stdin, and after SIGTERM; default 2,000 each. */
  readonly stopMillis?: { readonly stdin: number; readonly term: number }
  /** Deadline of the answer to an interrupt; after it the agent hangs and must be stopped. Default 2,000. */
  readonly interruptMillis?: number
}

/** Builds the adapter. The agent needs no installation and no sign-in, so it is always available. */
export const make = (options: DemoOptions = {}): Effect.Effect<ProviderAdapter, never, Ledger> =>
  Effect.map(Ledger, (ledger) => ({
    name,
    settable: Session.settable,
    // What `[[auth]]` waits for, in the project directory.
    signIn: "touch signed-in",
    probe: Effect.succeed({
      provider: name,
      installed: true,
      version: "1",
      signedIn: "not-needed" as const,
      capabilities: Session.capabilities,
      ...Session.offered
    }),
    open: (input) =>
      Effect.provideService(Session.open(input, { ...options, agent: fileURLToPath(Session.script) }), Ledger, ledger)
  }))
