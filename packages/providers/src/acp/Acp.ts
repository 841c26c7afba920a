/** Adapter for any agent that speaks the Agent Client Protocol on its pipes (tested with opencode 1.18). */
import { tmpdir } from "node:os"
import type { ProviderAdapter } from "@millrace/contracts/ProviderAdapter"
import { BoundedMap } from "@millrace/contracts/BoundedMap"
import type { Settable } from "@millrace/contracts/Settable"
import { defined } from "@millrace/contracts/Defined"
import { Effect } from "effect"
import type { Ledger } from "../process/Ledger.ts"
import * as Program from "../Program.ts"
import * as Agents from "./Agents.ts"
import * as Conversation from "./Conversation.ts"
import * as Session from "./Session.ts"
import * as Settings from "./Settings.ts"

export type { AcpAgent } from "./Agents.ts"

/** Probes the agent with one short-lived process: its handshake has the version. The protocol reports a missing sign-in only when a session starts. */
const look = (agent: Agents.AcpAgent, command: string) =>
  Effect.gen(function* () {
    const child = yield* Session.start(agent, command, { cwd: tmpdir(), threadId: "probe", epoch: 0 })
    const { agentInfo } = yield* Conversation.handshake(agent.name, child)
    yield* child.stop("the probe has ended")
    return agentInfo?.version ?? undefined
  }).pipe(Effect.scoped)

/** Maximum directories whose last session is remembered. */
const maxDirectories = 1000

/** Builds the adapter. The ledger records each process that it starts. */
export const make = (agent: Agents.AcpAgent): Effect.Effect<ProviderAdapter, never, Ledger> =>
  Effect.suspend(() => {
    const byDirectory = new BoundedMap<string, Settable>(maxDirectories)
    const program = Program.adapter({
      name: agent.name,
      capabilities: Session.capabilities,
      settable: Settings.settable,
      defaults: {},
      find: () => Agents.find(agent, process.env),
      missing: () => Agents.notInstalled(agent),
      // A probe starts the whole agent: `opencode` takes 2.6 s on two quiet cores, and took more than 15 s on a stalled machine.
      probeMillis: 30_000,
      probe: (command) => Effect.map(look(agent, command), (version) => (version === undefined ? {} : { version })),
      open: (input, command, learn) =>
        Session.open(input, agent, command, {
          offered: learn,
          settings: (choices) => {
            learn(Settings.offeredBy(choices))
            byDirectory.renew(input.cwd, Settings.settableBy(choices))
          }
        })
    })
    return Effect.map(program, (adapter) => ({
      ...adapter,
      settableIn: (cwd: string) => byDirectory.get(cwd),
      ...defined({ signIn: agent.signIn })
    }))
  })
