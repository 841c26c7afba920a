/**
 * Reads the events of background work, which may outlive its turn. An adapter reports this work as an opaque event with the method `background/started`
 * or `background/ended`. The payload's `task` is the provider's id of the work; it is unique in a session.
 */
import type { TurnId } from "@millrace/contracts/Ids"
import type { DurableEvent } from "@millrace/contracts/ProviderEvent"

export interface BackgroundEvent {
  readonly kind: "started" | "ended"
  readonly taskId: string
  readonly turnId: TurnId | undefined
}

const kinds: Readonly<Record<string, BackgroundEvent["kind"]>> = { "background/started": "started", "background/ended": "ended" }

/** Maximum characters of a task's id. An event with a longer id is kept as opaque. */
const maxId = 200

const taskOf = (payload: unknown): string | undefined => {
  if (typeof payload !== "object" || payload === null || !("task" in payload)) return undefined
  const { task } = payload
  const id = typeof task === "number" ? String(task) : task
  return typeof id === "string" && id !== "" && id.length <= maxId ? id : undefined
}

/** The background event in an opaque event; `undefined` for all others, which are kept unchanged. */
export const read = (event: Extract<DurableEvent, { _tag: "Opaque" }>): BackgroundEvent | undefined => {
  const kind = kinds[event.method]
  const taskId = kind === undefined ? undefined : taskOf(event.payload)
  return kind === undefined || taskId === undefined ? undefined : { kind, taskId, turnId: event.turnId }
}
