/**
 * How agents tell of work that outlives its turn: a message of this convention, `background/started` or `background/ended`, with `task`, the
 * provider's own id, once per session.
 */
import type { TurnId } from "@millrace/contracts/Ids"
import type { DurableEvent } from "@millrace/contracts/ProviderEvent"

export interface Word {
  readonly says: "started" | "ended"
  readonly taskId: string
  readonly turnId: TurnId | undefined
}

const methods: Readonly<Record<string, Word["says"]>> = { "background/started": "started", "background/ended": "ended" }

/** Characters of a task's id; a longer one is not a name. */
const maxId = 200

const taskOf = (payload: unknown): string | undefined => {
  if (typeof payload !== "object" || payload === null || !("task" in payload)) return undefined
  const { task } = payload
  const id = typeof task === "number" ? String(task) : task
  return typeof id === "string" && id !== "" && id.length <= maxId ? id : undefined
}

/** The word in an opaque event; nothing for all others, which are kept as they came. */
export const read = (event: Extract<DurableEvent, { _tag: "Opaque" }>): Word | undefined => {
  const says = methods[event.method]
  const taskId = says === undefined ? undefined : taskOf(event.payload)
  return says === undefined || taskId === undefined ? undefined : { says, taskId, turnId: event.turnId }
}
