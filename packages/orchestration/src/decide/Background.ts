/**
 * Protocol for background work that outlives its turn: an opaque event `background/started` or `background/ended` with `task`, the provider's id,
 * unique per session.
 */
import type { TurnId } from "@millrace/contracts/Ids"
import type { DurableEvent } from "@millrace/contracts/ProviderEvent"

export interface Word {
  readonly says: "started" | "ended"
  readonly taskId: string
  readonly turnId: TurnId | undefined
}

const methods: Readonly<Record<string, Word["says"]>> = { "background/started": "started", "background/ended": "ended" }

/** Most characters of a task's id; an event with a longer one is kept as opaque. */
const maxId = 200

const taskOf = (payload: unknown): string | undefined => {
  if (typeof payload !== "object" || payload === null || !("task" in payload)) return undefined
  const { task } = payload
  const id = typeof task === "number" ? String(task) : task
  return typeof id === "string" && id !== "" && id.length <= maxId ? id : undefined
}

/** The background event in an opaque event; `undefined` for all others, which are kept unchanged. */
export const read = (event: Extract<DurableEvent, { _tag: "Opaque" }>): Word | undefined => {
  const says = methods[event.method]
  const taskId = says === undefined ? undefined : taskOf(event.payload)
  return says === undefined || taskId === undefined ? undefined : { says, taskId, turnId: event.turnId }
}
