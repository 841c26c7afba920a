/**
 * The progress of an agent between two events. Ephemeral (D12): it is not in the log, has no id and moves no cursor (D5). The latest signal of a key
 * replaces the earlier one, and the next event of its turn supersedes it. It may arrive shortly before the event that it belongs to.
 */
import { Schema } from "effect"
import { ItemId, ThreadId, TurnId } from "./Ids.ts"
import { Usage } from "./Item.ts"

/** The progress of a tool, as the tool reports it. Any of the fields may be present. */
export const Progress = Schema.Struct({
  text: Schema.optional(Schema.String),
  done: Schema.optional(Schema.Number),
  total: Schema.optional(Schema.Number),
  elapsedMillis: Schema.optional(Schema.Number)
})
export type Progress = typeof Progress.Type

export const Signal = Schema.Struct({
  key: Schema.String.annotations({ description: "Identifies the subject of the signal: keep the latest one of each key." }),
  threadId: ThreadId,
  turnId: Schema.optional(TurnId),
  itemId: Schema.optional(ItemId),
  kind: Schema.String.annotations({
    description:
      "usage: `data` is the turn's `Usage` so far | progress: `data` is the `Progress` of an item | agent: `data` is the `AgentReport` of the session, with the names of the first commands only | another kind of a newer server"
  }),
  data: Schema.Unknown
}).annotations({
  identifier: "Signal",
  description:
    "The progress of an agent between two events. The latest signal of a key replaces the earlier one; it is not in the log."
})
export type Signal = typeof Signal.Type

const isUsage = Schema.is(Usage)
const isProgress = Schema.is(Progress)

/** Whether the signal shows that a tool has advanced. `elapsedMillis` alone does not: a tool that hangs reports it too. */
export const isFurther = ({ data, itemId }: Signal): boolean =>
  itemId !== undefined && isProgress(data) && (data.text ?? data.done ?? data.total) !== undefined

/** The turn's tokens so far. `undefined` for a signal of another kind. */
export const usageIn = (signal: Signal): Usage | undefined =>
  signal.kind === "usage" && isUsage(signal.data) ? signal.data : undefined
