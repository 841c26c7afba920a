/** The Codex adapter: `codex app-server` (tested with 0.169) behind the contract of every agent. */
import { homedir } from "node:os"
import { ProviderError, type ProviderAdapter } from "@millrace/contracts/ProviderAdapter"
import type { ProviderStatus } from "@millrace/contracts/State"
import { DateTime, Effect, Option } from "effect"
import { Ledger } from "../process/Ledger.ts"
import * as RpcChild from "../process/RpcChild.ts"
import * as Conversation from "./Conversation.ts"
import * as Process from "./Process.ts"
import * as Session from "./Session.ts"

export type { CodexOptions } from "./Process.ts"

const name = "codex"
/** A look at an agent that hangs ends here; its process is killed within some four seconds more. */
const probeMillis = 10_000

const missing = (options: Process.CodexOptions) =>
  new ProviderError({
    provider: name,
    operation: "open",
    outcome: "failed",
    failure: { kind: "not-installed", message: Process.missing(options, process.env) }
  })

/** One short-lived process: version and sign-in come from its first two answers. */
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
    yield* child.stop("the look is over")
    return { version, signedIn }
  }).pipe(Effect.scoped)

/** Needs the ledger for each process it starts. */
export const make = (options: Process.CodexOptions = {}): Effect.Effect<ProviderAdapter, never, Ledger> =>
  Effect.gen(function* () {
    const ledger = yield* Ledger
    const probe = Effect.gen(function* () {
      const status = { provider: name, capabilities: Session.capabilities, checkedAt: DateTime.formatIso(yield* DateTime.now) }
      const binary = Process.find(options, process.env)
      if (Option.isNone(binary))
        return {
          ...status,
          installed: false,
          signedIn: "unknown",
          fix: Process.missing(options, process.env)
        } satisfies ProviderStatus
      return yield* look(binary.value, options).pipe(
        Effect.timeoutFail({ duration: probeMillis, onTimeout: () => `Codex did not answer within ${probeMillis} ms.` }),
        Effect.map(({ signedIn, version }): ProviderStatus => ({
          ...status,
          installed: true,
          ...(version === undefined ? {} : { version }),
          signedIn,
          ...(signedIn === "no" ? { fix: "Sign in with `codex login`." } : {})
        })),
        Effect.catchAll((error) => {
          const said =
            typeof error === "string" ? error : [error.failure.message, error.failure.detail].filter(Boolean).join("\n")
          return Effect.succeed<ProviderStatus>({ ...status, installed: true, signedIn: "unknown", fix: said.slice(0, 1000) })
        })
      )
    })
    return {
      name,
      probe: Effect.provideService(probe, Ledger, ledger).pipe(Effect.withSpan("Codex.probe")),
      open: (input) =>
        Option.match(Process.find(options, process.env), {
          onNone: () => Effect.fail(missing(options)),
          onSome: (binary) => Effect.provideService(Session.open(input, options, binary), Ledger, ledger)
        })
    }
  })
