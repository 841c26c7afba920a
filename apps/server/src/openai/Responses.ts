/** `POST /v1/responses`: the turn as a response with its messages, its reasoning and its tools as output items. Pure. */
import type { TurnEnd } from "@millrace/orchestration/TurnEnd"
import { type Call, parseModel, responseId } from "./Call.ts"
import { cut, type Failure, fromEnd } from "./Failure.ts"
import * as ItemEvent from "./ItemEvent.ts"
import type { Moment } from "./Moments.ts"
import * as Output from "./Output.ts"
import * as Sse from "./Sse.ts"
import { Text } from "./Text.ts"
import * as Usage from "./Usage.ts"

const base = (call: Call) => ({
  id: responseId(call.turn.turnId),
  object: "response",
  created_at: call.createdAt,
  model: call.asked.model,
  instructions: call.asked.instructions,
  metadata: call.asked.metadata,
  previous_response_id: call.asked.previous ?? null,
  incomplete_details: null,
  parallel_tool_calls: false,
  temperature: null,
  top_p: null,
  tool_choice: "auto",
  tools: []
})

const outputOf = (call: Call, items: ReadonlyArray<Output.Item>) => {
  const { provider } = parseModel(call.asked.model)
  return items.flatMap((item) => {
    const shape = Output.shapeOf(item.kind)
    return shape === undefined ? [] : [Output.of(shape, item, provider)]
  })
}

const usageOf = (end: TurnEnd) => {
  const usage = Usage.ofResponse(end.turn?.usage)
  return usage === undefined ? {} : { usage }
}

/** The whole answer of a completed turn. */
export const whole = (call: Call, end: TurnEnd) => ({
  ...base(call),
  status: "completed",
  error: null,
  output: outputOf(call, end.items),
  ...usageOf(end)
})

interface Part {
  readonly index: number
  readonly shape: Output.Shape
  readonly text: Text
  done: boolean
}

/** The answer piece by piece: `first`, then what each moment adds. */
export const stream = (call: Call) => {
  const { provider } = parseModel(call.asked.model)
  const parts = new Map<string, Part>()
  let sequence = 0
  let gapped = false
  const send = (type: string, data: object) => Sse.named(type, { type, sequence_number: sequence++, ...data })
  const at = (itemId: string, { index, shape }: Part) => ({ item_id: Output.idOf(shape, itemId), output_index: index })

  const opened = (item: Output.Item, shape: Output.Shape, lost: boolean): { readonly part: Part; readonly text: string } => {
    const part: Part = { index: parts.size, shape, text: new Text(lost), done: false }
    parts.set(item.itemId, part)
    const place = at(item.itemId, part)
    const added = send("response.output_item.added", { output_index: part.index, item: Output.of(shape, item, provider) })
    if (shape === "message")
      return {
        part,
        text: added + send("response.content_part.added", { ...place, content_index: 0, part: Output.textPart("") })
      }
    return shape === "reasoning"
      ? {
          part,
          text:
            added + send("response.reasoning_summary_part.added", { ...place, summary_index: 0, part: Output.summaryPart("") })
        }
      : { part, text: added }
  }

  const piece = (itemId: string, part: Part, delta: string) => {
    if (delta === "" || part.shape === "tool") return ""
    const place = at(itemId, part)
    return part.shape === "message"
      ? send("response.output_text.delta", { ...place, content_index: 0, delta, logprobs: [] })
      : send("response.reasoning_summary_text.delta", { ...place, summary_index: 0, delta })
  }

  const closed = (item: Output.Item, shape: Output.Shape): string => {
    const known = parts.get(item.itemId)
    if (known?.done === true) return ""
    const { part, text: before } =
      known === undefined ? opened({ ...item, status: "open" }, shape, true) : { part: known, text: "" }
    part.done = true
    const place = at(item.itemId, part)
    const text = item.text ?? ""
    const rest = before + piece(item.itemId, part, part.text.rest(item.text))
    const ends =
      shape === "message"
        ? send("response.output_text.done", { ...place, content_index: 0, text, logprobs: [] }) +
          send("response.content_part.done", { ...place, content_index: 0, part: Output.textPart(text) })
        : shape === "reasoning"
          ? send("response.reasoning_summary_text.done", { ...place, summary_index: 0, text }) +
            send("response.reasoning_summary_part.done", { ...place, summary_index: 0, part: Output.summaryPart(text) })
          : ""
    return rest + ends + send("response.output_item.done", { output_index: part.index, item: Output.of(shape, item, provider) })
  }

  const add = ({ data, type }: ItemEvent.ItemEvent): string => {
    const shape = Output.shapeOf(data.kind)
    if (shape === undefined) return ""
    const known = parts.get(data.itemId)
    switch (type) {
      case "item.started":
        return known === undefined ? opened({ ...data, status: "open" }, shape, false).text : ""
      case "item.delta": {
        if (known?.done === true) return ""
        const { itemId, kind, text } = data
        const { part, text: before } =
          known === undefined ? opened({ itemId, kind, status: "open" }, shape, gapped) : { part: known, text: "" }
        return before + piece(itemId, part, part.text.delta(text))
      }
      case "item.completed":
        return closed(data, shape)
    }
  }

  /** Events are missing up to here; these are the items that they were about. */
  const missed = (items: ReadonlyArray<Output.Item>): string => {
    gapped = true
    for (const { text } of parts.values()) text.gap()
    let text = ""
    for (const item of items) {
      const shape = Output.shapeOf(item.kind)
      if (shape === undefined) continue
      if (item.status !== "open") text += closed(item, shape)
      else if (!parts.has(item.itemId)) text += opened(item, shape, true).text
    }
    return text
  }

  /** In the order of the stream, so that a client's own copy and the last event agree. */
  const inOrder = (items: ReadonlyArray<Output.Item>) =>
    items.toSorted((a, b) => (parts.get(a.itemId)?.index ?? 0) - (parts.get(b.itemId)?.index ?? 0))

  const failedWith = ({ code, message }: Failure, output: ReadonlyArray<object>, usage: object = {}) =>
    send("response.failed", {
      response: { ...base(call), status: "failed", error: { code, message }, output, ...usage }
    })

  const ended = (end: TurnEnd): string => {
    let text = ""
    for (const item of end.items) {
      const shape = Output.shapeOf(item.kind)
      if (shape !== undefined) text += closed(item, shape)
    }
    const output = outputOf(call, inOrder(end.items))
    return end.outcome === "completed"
      ? text +
          send("response.completed", {
            response: { ...base(call), status: "completed", error: null, output, ...usageOf(end) }
          })
      : text + failedWith(fromEnd(end), output, usageOf(end))
  }

  const begun = { response: { ...base(call), status: "in_progress", error: null, output: [] } }
  return {
    first: send("response.created", begun) + send("response.in_progress", begun),
    failed: (failure: Failure) => failedWith(failure, []),
    next: (moment: Moment): string => {
      switch (moment._tag) {
        case "events": {
          let text = ""
          for (const event of moment.events) {
            const item = ItemEvent.read(event)
            if (item !== undefined) text += add(item)
          }
          return text
        }
        case "gap":
          return missed(moment.items)
        case "beat":
          return Sse.comment
        case "end":
          return ended(moment.end)
        case "cut":
          return failedWith(cut(moment.message), [])
      }
    }
  }
}
