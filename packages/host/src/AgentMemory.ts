/** What the agents' process groups hold, from the ledger and the system: what the reaper's bound on memory looks at. */
import type { ThreadId } from "@millrace/contracts/Ids"
import { ProcessMemory } from "@millrace/orchestration/ProcessMemory"
import * as Ledger from "@millrace/providers/process/Ledger"
import * as Proc from "@millrace/providers/process/Proc"
import { Effect, Layer } from "effect"

/** What the system knows of processes, for whoever shows them. */
export * as Processes from "@millrace/providers/process/Proc"

/** Nothing where the system has no /proc. A command that an agent has put into a group of its own is not counted. */
export const layer: Layer.Layer<never, never, Ledger.Ledger> = Layer.effect(
  ProcessMemory,
  Effect.map(Ledger.Ledger, (ledger) =>
    Effect.gen(function* () {
      const { entries } = yield* ledger.entries
      const groups = entries.length === 0 ? undefined : yield* Proc.groups
      return entries.map(({ threadId, epoch, group }) => ({
        threadId: threadId as ThreadId,
        epoch,
        bytes: groups?.get(group)?.memoryBytes ?? 0
      }))
    }).pipe(Effect.catchAll((error) => Effect.as(Effect.logWarning(`The agents' memory is not known: ${error.message}`), [])))
  )
)
