/** Any agent that speaks the Agent Client Protocol on its pipes (tested with opencode 1.18), behind the contract of every agent. */
import { homedir } from "node:os"
import { ProviderError, type ProviderAdapter } from "@millrace/contracts/ProviderAdapter"
import type { ProviderStatus } from "@millrace/contracts/State"
import { DateTime, Effect, Option } from "effect"
import { Ledger } from "../process/Ledger.ts"
import * as Agents from "./Agents.ts"
import * as Conversation from "./Conversation.ts"
import * as Session from "./Session.ts"

export type { AcpAgent } from "./Agents.ts"

/** A look at an agent that hangs ends here; its process is killed within some four seconds more. */
const probeMillis = 15_000

/** One short-lived process: its handshake tells the version. Whether it is signed in it tells only when it is asked to work. */
const look = (agent: Agents.AcpAgent, command: string) =>
  Effect.gen(function* () {
    const child = yield* Session.start(agent, command, { cwd: homedir(), threadId: "probe", epoch: 0 })
    const { agentInfo } = yield* Conversation.handshake(agent.name, child)
    yield* child.stop("the look is over")
    return agentInfo?.version ?? undefined
  }).pipe(Effect.scoped)

/** Needs the ledger for each process it starts. */
export const make = (agent: Agents.AcpAgent): Effect.Effect<ProviderAdapter, never, Ledger> =>
  Effect.gen(function* () {
    const ledger = yield* Ledger
    const { name } = agent
    const fix = Agents.notInstalled(agent)
    const probe = Effect.gen(function* () {
      const checkedAt = DateTime.formatIso(yield* DateTime.now)
      const status = { provider: name, capabilities: Session.capabilities, checkedAt, signedIn: "unknown" as const }
      const command = Agents.find(agent, process.env)
      if (Option.isNone(command)) return { ...status, installed: false, fix } satisfies ProviderStatus
      return yield* look(agent, command.value).pipe(
        Effect.timeoutFail({ duration: probeMillis, onTimeout: () => `${name} did not answer within ${probeMillis} ms.` }),
        Effect.match({
          onFailure: (error): ProviderStatus => {
            const said =
              typeof error === "string" ? error : [error.failure.message, error.failure.detail].filter(Boolean).join("\n")
            return { ...status, installed: true, fix: said.slice(0, 1000) }
          },
          onSuccess: (version): ProviderStatus => ({
            ...status,
            installed: true,
            ...(version === undefined ? {} : { version })
          })
        })
      )
    })
    return {
      name,
      probe: Effect.provideService(probe, Ledger, ledger).pipe(Effect.withSpan("Acp.probe")),
      open: (input) =>
        Option.match(Agents.find(agent, process.env), {
          onNone: () =>
            Effect.fail(
              new ProviderError({
                provider: name,
                operation: "open",
                outcome: "failed",
                failure: { kind: "not-installed", message: fix }
              })
            ),
          onSome: (command) => Effect.provideService(Session.open(input, agent, command), Ledger, ledger)
        })
    }
  })
