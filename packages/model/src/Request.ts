/** One request of an agent as read models show it, folded from its events. */
import { defined } from "@millrace/contracts/Defined"
import type { DataOf, DomainEvent } from "@millrace/contracts/Event"
import type { RequestId } from "@millrace/contracts/Ids"
import type { Answer, RequestView } from "@millrace/contracts/Item"

/** The request of a `request.opened`. `at`: the time of the event. */
export const opened = (data: DataOf<"request.opened">, at: string): RequestView => {
  const { proposedRule, reasks, requestId, rule: _r, threadId, turnId, ...ask } = data
  return { requestId, threadId, turnId, status: "open", ask, ...defined({ proposedRule, reasks }), openedAt: at }
}

/** The open request after a `request.held` or `request.repeated`. Returns the same value after any other event. */
export const changed = (request: RequestView, event: DomainEvent): RequestView => {
  if (event.type === "request.held") return { ...request, turnId: event.data.turnId, held: true }
  if (event.type !== "request.repeated") return request
  const { held: _, ...rest } = request
  const { itemId, repeatedAs, turnId } = event.data
  return { ...rest, turnId, ask: { ...request.ask, ...defined({ itemId }) }, repeatedAs }
}

/** How a request was settled: with an answer and its sender, or with a reason. */
export interface Settlement {
  readonly requestId: RequestId
  readonly status: Exclude<RequestView["status"], "open">
  readonly answer?: Answer
  readonly by?: string
  readonly reason?: string
}

/** How this event settles a request, or `undefined` if it settles none. */
export const settlement = (event: DomainEvent): Settlement | undefined => {
  switch (event.type) {
    case "request.answered": {
      const { by, held: _h, repeatedAs: _r, requestId, threadId: _t, turnId: _u, ...answer } = event.data
      return { requestId, status: "answered", answer, by }
    }
    case "request.expired":
      return { requestId: event.data.requestId, status: "expired", reason: event.data.reason }
    case "request.cancelled":
      return { requestId: event.data.requestId, status: "cancelled", reason: event.data.reason }
    default:
      return undefined
  }
}

/** The request of a `request.imported`. */
export const imported = (data: DataOf<"request.imported">): RequestView => {
  const { answer: _a, by: _b, reason: _r, ...view } = data
  return view
}
