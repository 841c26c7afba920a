/** How much memory the agents' processes hold: a look from outside, given by whoever owns the processes; nothing by default. */
import type { ThreadId } from "@millrace/contracts/Ids"
import { Context, Effect } from "effect"

export interface Held {
  readonly threadId: ThreadId
  readonly epoch: number
  /** Resident, of the session's whole process group. */
  readonly bytes: number
}

export class ProcessMemory extends Context.Reference<ProcessMemory>()("@millrace/orchestration/ProcessMemory", {
  defaultValue: (): Effect.Effect<ReadonlyArray<Held>> => Effect.succeed([])
}) {}
