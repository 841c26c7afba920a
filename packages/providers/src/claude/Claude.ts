/** The Claude Code adapter: the `claude` program (tested with 2.1.197 and 2.1.332) as a `ProviderAdapter` (decision 0050). */
import type { ProviderAdapter } from "@millrace/contracts/ProviderAdapter"
import { Effect } from "effect"
import type { Ledger } from "../process/Ledger.ts"
import * as Program from "../Program.ts"
import * as History from "./History.ts"
import * as McpConfig from "./McpConfig.ts"
import * as Process from "./Process.ts"
import * as Session from "./Session.ts"

export type { ClaudeOptions } from "./Process.ts"

/** Builds the adapter. The ledger records each process that it starts. */
export const make = (options: Process.ClaudeOptions = {}): Effect.Effect<ProviderAdapter, never, Ledger> =>
  Effect.map(
    Program.adapter({
      name: "claude",
      capabilities: Session.capabilities,
      settable: Process.settable,
      defaults: Process.defaults(options),
      find: () => Process.find(options, process.env),
      missing: () => Process.notInstalled,
      probeMillis: 10_000,
      probe: (binary) =>
        Effect.map(Process.version(binary, options), (version) => ({
          version,
          signedIn: Process.signedIn(options, process.env)
        })),
      open: (input, binary, learn) => Session.open(input, options, binary, learn)
    }),
    (adapter) => ({ ...adapter, signIn: "claude /login", history: History.make(options) })
  ).pipe(Effect.zipLeft(McpConfig.sweep))
