/**
 * `POST /v1/chat/completions`: the turn as one message. The agent's tools ran on the server, so the client has no calls to make: they are among
 * the turn's items under `/api`. Pure.
 */
import { defined } from "@millrace/contracts/Defined"
import { domainEvent } from "@millrace/contracts/Event"
import * as ItemModel from "@millrace/model/Item"
import type { TurnEnd } from "@millrace/orchestration/readmodel/TurnEnd"
import type { TurnCall } from "./TurnCall.ts"
import { bodyOf, streamCut, type Failure, fromEnd } from "./Failure.ts"
import { noteOf } from "./IgnoredFields.ts"
import type { TurnEvent } from "./TurnEvents.ts"
import * as Sse from "./Sse.ts"
import { MessageJoiner } from "./MessageJoiner.ts"
import * as Usage from "./Usage.ts"

const base = ({ request, createdAt, turn }: TurnCall) => ({
  id: `chatcmpl-${turn.turnId.slice("trn_".length)}`,
  created: createdAt,
  model: request.model,
  ...noteOf(request)
})

/** The whole answer of a completed turn. */
export const whole = (call: TurnCall, end: TurnEnd) => {
  const usage = Usage.ofChat(end.turn?.usage)
  const message = { role: "assistant", content: ItemModel.answerOf(end.items), refusal: null }
  return {
    ...base(call),
    object: "chat.completion",
    choices: [{ index: 0, message, logprobs: null, finish_reason: "stop" }],
    ...defined({ usage })
  }
}

/** The streamed answer: `first`, then the text that each step adds. `data: [DONE]` follows a completed turn only (T11). */
export const stream = (call: TurnCall) => {
  const joiner = new MessageJoiner()
  const { millrace, ...identity } = base(call)
  const common = { ...identity, object: "chat.completion.chunk" }
  const noUsage = call.request.includeUsage ? { usage: null } : {}
  const chunk = (delta: object, reason: "stop" | null, note: object = {}) =>
    Sse.event({ ...common, ...note, choices: [{ index: 0, delta, logprobs: null, finish_reason: reason }], ...noUsage })
  const piece = (content: string) => (content === "" ? "" : chunk({ content }, null))
  const failed = (failure: Failure) => Sse.event(bodyOf(failure))

  const ended = (end: TurnEnd) => {
    const rest = piece(joiner.end(end.items))
    if (end.outcome !== "completed") return rest + failed(fromEnd(end))
    const usage = call.request.includeUsage ? Usage.ofChat(end.turn?.usage) : undefined
    const last = usage === undefined ? "" : Sse.event({ ...common, choices: [], usage })
    return rest + chunk({}, "stop") + last + Sse.done
  }

  return {
    first: chunk({ role: "assistant", content: "", refusal: null }, null, millrace === undefined ? {} : { millrace }),
    failed,
    next: (event: TurnEvent): string => {
      switch (event._tag) {
        case "events": {
          let content = ""
          for (const itemEvent of event.events) {
            const item = domainEvent(itemEvent)
            if (ItemModel.isStreamEvent(item)) content += joiner.add(item)
          }
          return piece(content)
        }
        case "gap":
          return piece(joiner.gap(event.items))
        case "heartbeat":
          return Sse.comment
        case "end":
          return ended(event.end)
        case "cut":
          return failed(streamCut(event.message))
      }
    }
  }
}
