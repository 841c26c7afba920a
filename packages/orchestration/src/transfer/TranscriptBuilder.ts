/**
 * Turns the events of a thread into pieces of a transcript: each turn, item and request once, at its end; an amended item once more. Holds only what
 * is open. Pure: no clock, creates no ids.
 */
import { cut } from "@millrace/contracts/Text"
import type { DomainEvent } from "@millrace/contracts/Event"
import type { Imported } from "@millrace/contracts/Import"
import type { ItemId, RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Answer, ItemContent } from "@millrace/contracts/Item"
import { fitContent } from "../state/Truncation.ts"
import { maxText, originOf } from "../state/ThreadState.ts"

type Data<T extends Imported["type"]> = Extract<Imported, { readonly type: T }>["data"]
type Turn = Omit<Data<"turn.imported">, "status" | "endedAt">
type Item = Omit<Data<"item.imported">, "status">
type Request = Pick<Data<"request.imported">, "threadId" | "turnId" | "requestId" | "ask" | "openedAt">

/** The `reason` of turns, items and requests that the import closes, because the export leaves them open. */
export const imported = "imported"

const none: ReadonlyArray<Imported> = []
const piece = <T extends Imported["type"]>(type: T, data: Data<T>): Imported => ({ type, data }) as Imported

export class Transcribe {
  private readonly turns = new Map<TurnId, Turn>()
  private readonly items = new Map<ItemId, { readonly item: Item; text: string; full: boolean }>()
  private readonly requests = new Map<RequestId, Request>()
  private last = ""

  private turn(threadId: ThreadId, turnId: TurnId, change: Partial<Turn>, at: string): void {
    const known = this.turns.get(turnId) ?? { threadId, turnId, origin: "user", text: "", requestedAt: at }
    this.turns.set(turnId, { ...known, ...change })
  }

  private endTurn(turnId: TurnId, end: Pick<Data<"turn.imported">, "status" | "reason" | "error" | "usage">, at: string) {
    const turn = this.turns.get(turnId)
    this.turns.delete(turnId)
    return turn === undefined ? none : [piece("turn.imported", { ...turn, ...end, endedAt: at })]
  }

  private settle(
    requestId: RequestId,
    end: {
      readonly status: Data<"request.imported">["status"]
      readonly answer?: Answer
      readonly by?: string
      readonly reason?: string
    }
  ) {
    const request = this.requests.get(requestId)
    this.requests.delete(requestId)
    return request === undefined ? none : [piece("request.imported", { ...request, ...end })]
  }

  /** Number of open turns, items and requests, which are held in memory. */
  get open(): number {
    return this.turns.size + this.items.size + this.requests.size
  }

  /** The pieces that this event completes. */
  next(event: DomainEvent, at: string): ReadonlyArray<Imported> {
    this.last = at
    switch (event.type) {
      case "turn.imported":
      case "item.imported":
      case "request.imported":
        return [event]
      case "turn.requested": {
        const { continues, goal, text, threadId, turnId } = event.data
        this.turn(threadId, turnId, { text, origin: originOf({ continues, goalId: goal?.goalId }) }, at)
        return none
      }
      case "turn.edited":
        this.turn(event.data.threadId, event.data.turnId, { text: event.data.text }, at)
        return none
      case "turn.started": {
        const { nativeTurnId, origin, threadId, turnId } = event.data
        this.turn(threadId, turnId, { origin, startedAt: at, ...(nativeTurnId === undefined ? {} : { nativeTurnId }) }, at)
        return none
      }
      case "turn.updated": {
        const { diff, plan, threadId, turnId } = event.data
        if (this.turns.has(turnId))
          this.turn(threadId, turnId, { ...(plan === undefined ? {} : { plan }), ...(diff === undefined ? {} : { diff }) }, at)
        return none
      }
      case "turn.completed":
      case "turn.interrupted":
      case "turn.failed": {
        const { reason, turnId, usage } = event.data
        const status = event.type === "turn.completed" ? "completed" : event.type === "turn.failed" ? "failed" : "interrupted"
        const error = event.type === "turn.failed" ? { error: event.data.error } : {}
        const end = { status, ...(reason === undefined ? {} : { reason }), ...(usage === undefined ? {} : { usage }), ...error }
        return this.endTurn(turnId, end as { status: typeof status }, at)
      }
      case "item.started":
        this.items.set(event.data.itemId, { item: event.data, text: "", full: false })
        return none
      case "item.delta": {
        const open = this.items.get(event.data.itemId)
        if (open === undefined || open.full) return none
        const kept = cut(event.data.text, maxText - open.text.length)
        open.text += kept
        open.full = kept.length < event.data.text.length
        return none
      }
      case "item.completed":
      case "item.amended":
        this.items.delete(event.data.itemId)
        return [piece("item.imported", event.data)]
      case "request.opened": {
        const { reasks: _, requestId, threadId, turnId, ...ask } = event.data
        this.requests.set(requestId, { threadId, turnId, requestId, ask, openedAt: at })
        return none
      }
      case "request.answered": {
        const { by, requestId, threadId: _t, turnId: _u, ...answer } = event.data
        return this.settle(requestId, { status: "answered", answer, by })
      }
      case "request.expired":
      case "request.cancelled":
        return this.settle(event.data.requestId, {
          status: event.type === "request.expired" ? "expired" : "cancelled",
          reason: event.data.reason
        })
      default:
        return none
    }
  }

  /** Closes what is open at the end of the history: nothing of it is live. */
  rest(): ReadonlyArray<Imported> {
    const items = Array.from(this.items.values(), ({ item, text }) => {
      const said: ItemContent = text === "" ? {} : item.kind === "command" ? { output: text } : { text }
      return piece("item.imported", { ...item, ...fitContent(said), status: "aborted", reason: imported })
    })
    const requests = [...this.requests.keys()].flatMap((id) => this.settle(id, { status: "expired", reason: imported }))
    const turns = [...this.turns.keys()].flatMap((id) => this.endTurn(id, { status: "interrupted", reason: imported }, this.last))
    return [...requests, ...items, ...turns]
  }
}
