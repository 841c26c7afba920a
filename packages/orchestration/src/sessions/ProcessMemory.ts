/** The memory that each session's processes use. The host provides the measurement, because it owns the processes. Default: an empty list. */
import type { ThreadId } from "@millrace/contracts/Ids"
import { Context, Effect } from "effect"

export interface Held {
  readonly threadId: ThreadId
  readonly epoch: number
  /** Resident bytes of the session's process group. */
  readonly bytes: number
}

export class ProcessMemory extends Context.Reference<ProcessMemory>()("@millrace/orchestration/ProcessMemory", {
  defaultValue: (): Effect.Effect<ReadonlyArray<Held>> => Effect.succeed([])
}) {}
