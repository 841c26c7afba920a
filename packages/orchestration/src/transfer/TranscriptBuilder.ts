/**
 * Builds the pieces of a transcript from the events of a thread: one piece for each turn, item and request when it ends, and one for each amendment of an
 * item. Keeps only open turns, items and requests in memory. Pure.
 */
import { defined } from "@millrace/contracts/Defined"
import type { DataOf, DomainEvent } from "@millrace/contracts/Event"
import type { Imported } from "@millrace/contracts/Import"
import type { ItemId, RequestId, TurnId } from "@millrace/contracts/Ids"
import type { RequestView } from "@millrace/contracts/Item"
import { textField } from "@millrace/contracts/TextField"
import type { TurnView } from "@millrace/contracts/State"
import * as Request from "@millrace/model/Request"
import * as Turn from "@millrace/model/Turn"
import * as OpenText from "../state/OpenText.ts"

type Data<T extends Imported["type"]> = Extract<Imported, { readonly type: T }>["data"]
interface OpenTurn {
  readonly turn: TurnView
  readonly nativeTurnId: string | undefined
}

/** The `reason` of turns, items and requests that the import closes, because the export leaves them open. */
export const imported = "imported"

const none: ReadonlyArray<Imported> = []

const turnPiece = ({ nativeTurnId, turn }: OpenTurn): ReadonlyArray<Imported> => {
  const {
    attachments,
    blobs,
    diff,
    endedAt,
    error,
    origin,
    plan,
    reason,
    requestedAt,
    startedAt,
    text,
    threadId,
    turnId,
    usage
  } = turn
  const status = Turn.outcomeOfTurn(turn)
  if (status === undefined) return none
  const data: Data<"turn.imported"> = {
    threadId,
    turnId,
    origin,
    text,
    ...defined({ attachments }),
    requestedAt,
    ...defined({ startedAt, nativeTurnId, plan, diff, blobs }),
    status,
    ...defined({ reason, usage, error, endedAt })
  }
  return [{ type: "turn.imported", data }]
}

export class TranscriptBuilder {
  private readonly turns = new Map<TurnId, OpenTurn>()
  private readonly items = new Map<ItemId, OpenText.OpenText & { readonly item: DataOf<"item.started"> }>()
  private readonly requests = new Map<RequestId, RequestView>()
  private last = ""

  private turn(event: DomainEvent, turnId: TurnId, at: string): ReadonlyArray<Imported> {
    const known = this.turns.get(turnId)
    const turn = known === undefined ? Turn.begun(event, at) : Turn.apply(known.turn, event, at)
    if (turn === undefined) return none
    const nativeTurnId = event.type === "turn.started" ? event.data.nativeTurnId : known?.nativeTurnId
    const open = { turn, nativeTurnId }
    if (!Turn.isTerminal(event)) {
      this.turns.set(turnId, open)
      return none
    }
    this.turns.delete(turnId)
    return turnPiece(open)
  }

  private settle({ requestId, status, ...how }: Request.Settlement): ReadonlyArray<Imported> {
    const request = this.requests.get(requestId)
    this.requests.delete(requestId)
    if (request === undefined) return none
    const { ask, openedAt, threadId, turnId } = request
    return [{ type: "request.imported", data: { threadId, turnId, requestId, ask, openedAt, status, ...how } }]
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
      case "item.started":
        this.items.set(event.data.itemId, { item: event.data, ...OpenText.empty })
        return none
      case "item.delta": {
        const open = this.items.get(event.data.itemId)
        if (open !== undefined) this.items.set(event.data.itemId, OpenText.append(open, event.data.text))
        return none
      }
      case "item.completed":
      case "item.amended":
        this.items.delete(event.data.itemId)
        return [{ type: "item.imported", data: event.data }]
      case "request.opened":
        this.requests.set(event.data.requestId, Request.opened(event.data, at))
        return none
      case "request.held":
      case "request.repeated": {
        const known = this.requests.get(event.data.requestId)
        if (known !== undefined) this.requests.set(known.requestId, Request.changed(known, event))
        return none
      }
      default: {
        const settlement = Request.settlement(event)
        if (settlement !== undefined) return this.settle(settlement)
        return "turnId" in event.data && event.data.turnId !== undefined ? this.turn(event, event.data.turnId, at) : none
      }
    }
  }

  /** The pieces of the turns, items and requests that are open at the end of the events; they are closed. */
  rest(): ReadonlyArray<Imported> {
    const items = Array.from(this.items.values(), ({ item, omittedBytes, text }): Imported => {
      const content = text === "" ? {} : { [textField(item.kind)]: text }
      return {
        type: "item.imported",
        data: { ...item, ...content, ...(omittedBytes === 0 ? {} : { omittedBytes }), status: "aborted", reason: imported }
      }
    })
    const requests = [...this.requests.keys()].flatMap((requestId) =>
      this.settle({ requestId, status: "expired", reason: imported })
    )
    const turns = [...this.turns.values()].flatMap(({ nativeTurnId, turn }) =>
      turnPiece({ nativeTurnId, turn: { ...turn, status: "interrupted", reason: imported, endedAt: this.last } })
    )
    return [...requests, ...items, ...turns]
  }
}
