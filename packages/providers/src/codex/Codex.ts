/** The Codex adapter: `codex app-server` (tested with 0.169) as a `ProviderAdapter`. */
import { defined } from "@millrace/contracts/Defined"
import { homedir } from "node:os"
import type { ProviderAdapter } from "@millrace/contracts/ProviderAdapter"
import { Effect, Option } from "effect"
import { Ledger } from "../process/Ledger.ts"
import * as RpcChild from "../process/RpcChild.ts"
import * as Program from "../Program.ts"
import * as Conversation from "./Conversation.ts"
import * as History from "./History.ts"
import * as Process from "./Process.ts"
import * as Session from "./Session.ts"
import * as Settings from "./Settings.ts"

export type { CodexOptions } from "./Process.ts"

const name = "codex"
/** Probes Codex with one short-lived process: version and sign-in state are in its first two answers. */
const look = (binary: string, options: Process.CodexOptions) =>
  Effect.gen(function* () {
    const home = options.home ?? homedir()
    const child = yield* RpcChild.open({
      provider: name,
      command: binary,
      args: Process.probeArgs,
      cwd: home,
      env: Process.environment(options, process.env),
      threadId: "probe",
      epoch: 0,
      install: Process.notInstalled,
      dialect: "bare"
    })
    const version = yield* Conversation.handshake(child)
    const signedIn = yield* Conversation.account(child)
    // Older versions do not list them.
    const models = yield* Effect.option(Conversation.models(child))
    yield* child.stop("the probe has ended")
    return { version, signedIn, models: Option.getOrUndefined(Option.map(models, (all) => all.map(Settings.offered))) }
  }).pipe(Effect.scoped)

/** Builds the adapter. The ledger records each process that it starts. */
export const make = (options: Process.CodexOptions = {}): Effect.Effect<ProviderAdapter, never, Ledger> =>
  Effect.zipWith(
    Program.adapter({
      name,
      capabilities: Session.capabilities,
      settable: Settings.settable,
      defaults: Settings.defaults(options),
      find: () => Process.find(options, process.env),
      missing: () => Process.missing(options, process.env),
      probeMillis: 10_000,
      probe: (binary) =>
        Effect.map(look(binary, options), ({ models, signedIn, version }) => ({
          ...defined({ models, version }),
          signedIn,
          ...(signedIn === "no" ? { fix: "Sign in with `codex login`." } : {})
        })),
      open: (input, binary) => Session.open(input, options, binary)
    }),
    Ledger,
    (adapter, ledger) => ({ ...adapter, signIn: "codex login", history: History.make(options, ledger) })
  )
