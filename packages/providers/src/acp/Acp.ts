/** Any agent that speaks the Agent Client Protocol on its pipes (tested with opencode 1.18), behind the contract of every agent. */
import { tmpdir } from "node:os"
import type { ProviderAdapter } from "@millrace/contracts/ProviderAdapter"
import { Effect } from "effect"
import type { Ledger } from "../process/Ledger.ts"
import * as Program from "../Program.ts"
import * as Agents from "./Agents.ts"
import * as Conversation from "./Conversation.ts"
import * as Session from "./Session.ts"

export type { AcpAgent } from "./Agents.ts"

/** One short-lived process: its handshake tells the version. Whether it is signed in it tells only when it is asked to work. */
const look = (agent: Agents.AcpAgent, command: string) =>
  Effect.gen(function* () {
    const child = yield* Session.start(agent, command, { cwd: tmpdir(), threadId: "probe", epoch: 0 })
    const { agentInfo } = yield* Conversation.handshake(agent.name, child)
    yield* child.stop("the look is over")
    return agentInfo?.version ?? undefined
  }).pipe(Effect.scoped)

/** Needs the ledger for each process it starts. */
export const make = (agent: Agents.AcpAgent): Effect.Effect<ProviderAdapter, never, Ledger> =>
  Program.adapter({
    name: agent.name,
    capabilities: Session.capabilities,
    find: () => Agents.find(agent, process.env),
    missing: () => Agents.notInstalled(agent),
    // The whole agent starts for a look: `opencode` takes 2.6 s on two quiet cores, and took more than 15 s on a machine that stalled.
    lookMillis: 30_000,
    look: (command) => Effect.map(look(agent, command), (version) => (version === undefined ? {} : { version })),
    open: (input, command) => Session.open(input, agent, command)
  })
