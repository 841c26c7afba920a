/** Resident memory of the agents' process groups, from the process ledger and `/proc`. The reaper compares it with `maxMemoryBytes`. */
import type { ThreadId } from "@millrace/contracts/Ids"
import { ProcessMemory } from "@millrace/orchestration/sessions/ProcessMemory"
import * as Ledger from "@millrace/providers/process/Ledger"
import * as Proc from "@millrace/providers/process/Proc"
import { Effect, Layer } from "effect"

/** The operating system's data about processes, re-exported for `apps/server`. */
export * as Processes from "@millrace/providers/process/Proc"

/** Reports 0 bytes on systems without `/proc`. Does not count a command that an agent moved to another process group. */
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
    }).pipe(
      Effect.catchAll((error) => Effect.as(Effect.logWarning(`Cannot read the memory use of the agents: ${error.message}`), []))
    )
  )
)
