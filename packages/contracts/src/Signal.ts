/**
 * What an agent says of its progress between two events. Ephemeral (D12): it is not in the log, has no id and moves no cursor (D5), the latest of a key
 * replaces the one before it, and the next event of its turn supersedes it. May come a moment before the event that it is about.
 */
import { Schema } from "effect"
import { ItemId, ThreadId, TurnId } from "./Ids.ts"
import { Usage } from "./Item.ts"

/** How far a tool is, in the tool's own words and numbers; any of these. */
export const Progress = Schema.Struct({
  text: Schema.optional(Schema.String),
  done: Schema.optional(Schema.Number),
  total: Schema.optional(Schema.Number),
  elapsedMillis: Schema.optional(Schema.Number)
})
export type Progress = typeof Progress.Type

export const Signal = Schema.Struct({
  key: Schema.String.annotations({ description: "Names what it is about: keep the latest of each key." }),
  threadId: ThreadId,
  turnId: Schema.optional(TurnId),
  itemId: Schema.optional(ItemId),
  kind: Schema.String.annotations({
    description:
      "usage: `data` is the turn's `Usage` so far | progress: of an item, `data` is `Progress` | another kind of a newer server"
  }),
  data: Schema.Unknown
})
export type Signal = typeof Signal.Type

const isUsage = Schema.is(Usage)
const isProgress = Schema.is(Progress)

/** A tool got further. That it still runs, after so many milliseconds, is no progress: a tool that hangs says that too. */
export const isFurther = ({ data, itemId }: Signal): boolean =>
  itemId !== undefined && isProgress(data) && (data.text ?? data.done ?? data.total) !== undefined

/** The turn's tokens so far, when that is what it tells. */
export const usageIn = (signal: Signal): Usage | undefined =>
  signal.kind === "usage" && isUsage(signal.data) ? signal.data : undefined
