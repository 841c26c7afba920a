/** Provider `demo`: a scripted agent for newcomers, front-end authors and tests (docs/interface.md, "The demo agent"). */
import { fileURLToPath } from "node:url"
import type { ProviderAdapter } from "@millrace/contracts/ProviderAdapter"
import { Effect } from "effect"
import { Ledger } from "../process/Ledger.ts"
import * as Session from "./Session.ts"

export const name = "demo"

export interface DemoOptions {
  /** How long a stop waits after closing stdin, and after SIGTERM; default 2,000 each. */
  readonly stopMillis?: { readonly stdin: number; readonly term: number }
  /** An interrupt is answered at once, or the agent hangs and must be stopped; default 2,000. */
  readonly interruptMillis?: number
}

/** Nothing to install and nobody to sign in: it is there when the server is. */
export const make = (options: DemoOptions = {}): Effect.Effect<ProviderAdapter, never, Ledger> =>
  Effect.map(Ledger, (ledger) => ({
    name,
    probe: Effect.succeed({
      provider: name,
      installed: true,
      version: "1",
      signedIn: "not-needed" as const,
      capabilities: Session.capabilities
    }),
    open: (input) =>
      Effect.provideService(Session.open(input, { ...options, agent: fileURLToPath(Session.script) }), Ledger, ledger)
  }))
