/**
 * `POST /v1/chat/completions`: the turn as one message. The agent's tools ran on the server, so the client has no calls to make: they are among
 * the turn's items under `/api`. Pure.
 */
import { textOf, type TurnEnd } from "@millrace/orchestration/TurnEnd"
import type { Call } from "./Call.ts"
import { bodyOf, cut, type Failure, fromEnd } from "./Failure.ts"
import { noteOf } from "./Ignored.ts"
import * as ItemEvent from "./ItemEvent.ts"
import type { Moment } from "./Moments.ts"
import * as Sse from "./Sse.ts"
import { Telling } from "./Telling.ts"
import * as Usage from "./Usage.ts"

const base = ({ asked, createdAt, turn }: Call) => ({
  id: `chatcmpl-${turn.turnId.slice("trn_".length)}`,
  created: createdAt,
  model: asked.model,
  ...noteOf(asked)
})

/** The whole answer of a completed turn. */
export const whole = (call: Call, end: TurnEnd) => {
  const usage = Usage.ofChat(end.turn?.usage)
  const message = { role: "assistant", content: textOf(end.items), refusal: null }
  return {
    ...base(call),
    object: "chat.completion",
    choices: [{ index: 0, message, logprobs: null, finish_reason: "stop" }],
    ...(usage !== undefined && { usage })
  }
}

/** The streamed answer: `first`, then the text that each step adds. `data: [DONE]` follows a completed turn only (T11). */
export const stream = (call: Call) => {
  const telling = new Telling()
  const { millrace, ...identity } = base(call)
  const common = { ...identity, object: "chat.completion.chunk" }
  const noUsage = call.asked.includeUsage ? { usage: null } : {}
  const chunk = (delta: object, reason: "stop" | null, note: object = {}) =>
    Sse.event({ ...common, ...note, choices: [{ index: 0, delta, logprobs: null, finish_reason: reason }], ...noUsage })
  const piece = (content: string) => (content === "" ? "" : chunk({ content }, null))
  const failed = (failure: Failure) => Sse.event(bodyOf(failure))

  const ended = (end: TurnEnd) => {
    const rest = piece(telling.end(end.items))
    if (end.outcome !== "completed") return rest + failed(fromEnd(end))
    const usage = call.asked.includeUsage ? Usage.ofChat(end.turn?.usage) : undefined
    const last = usage === undefined ? "" : Sse.event({ ...common, choices: [], usage })
    return rest + chunk({}, "stop") + last + Sse.done
  }

  return {
    first: chunk({ role: "assistant", content: "", refusal: null }, null, millrace === undefined ? {} : { millrace }),
    failed,
    next: (moment: Moment): string => {
      switch (moment._tag) {
        case "events": {
          let content = ""
          for (const event of moment.events) {
            const item = ItemEvent.read(event)
            if (item !== undefined) content += telling.add(item)
          }
          return piece(content)
        }
        case "gap":
          return piece(telling.gap(moment.items))
        case "beat":
          return Sse.comment
        case "end":
          return ended(moment.end)
        case "cut":
          return failed(cut(moment.message))
      }
    }
  }
}
