/** Invariants of any log, after the death of any process at any time. Checks the events as clients read them. */
import type { LogEvent } from "@millrace/contracts/Event"
import { isTerminal } from "@millrace/contracts/Event"

interface Ids {
  readonly turnId?: string
  readonly itemId?: string
  readonly requestId?: string
}

const count = (counts: Map<string, number>, id: string | undefined) => {
  if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1)
}

/** Returns one sentence per violation; empty if there is none. `settled`: no work is running any more. */
export const problems = (events: ReadonlyArray<LogEvent>, settled: boolean): ReadonlyArray<string> => {
  const wrong: Array<string> = []
  const opened = { turn: new Set<string>(), item: new Set<string>(), request: new Set<string>() }
  const ended = { turn: new Map<string, number>(), item: new Map<string, number>(), request: new Map<string, number>() }
  const versions = new Map<string, number>()
  let offset = events[0] === undefined ? 0 : events[0].offset - 1
  for (const event of events) {
    if (event.offset !== ++offset) wrong.push(`offset ${event.offset} where ${offset} was expected`)
    const version = versions.get(event.stream)
    if (version !== undefined && event.version !== version + 1)
      wrong.push(`${event.stream}: version ${event.version} after ${version}`)
    versions.set(event.stream, event.version)
    const { itemId, requestId, turnId } = event.data as Ids
    if (event.type === "turn.requested" || event.type === "turn.started") opened.turn.add(turnId!)
    else if (isTerminal(event.type)) count(ended.turn, turnId)
    else if (event.type === "item.started") opened.item.add(itemId!)
    else if (event.type === "item.completed") count(ended.item, itemId)
    else if (event.type === "request.opened") opened.request.add(requestId!)
    else if (/^request\.(answered|expired|cancelled)$/.test(event.type)) count(ended.request, requestId)
  }
  for (const kind of ["turn", "item", "request"] as const) {
    for (const [id, times] of ended[kind]) if (times > 1) wrong.push(`${kind} ${id} ended ${times} times`)
    if (settled) for (const id of opened[kind]) if (!ended[kind].has(id)) wrong.push(`${kind} ${id} never ended`)
  }
  return wrong
}
