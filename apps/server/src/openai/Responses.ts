/** `POST /v1/responses`: the turn as a response with its messages, its reasoning and its tools as output items. Pure. */
import { domainEvent } from "@millrace/contracts/Event"
import * as ItemModel from "@millrace/model/Item"
import { Nested } from "@millrace/model/Nested"
import type { TurnEnd } from "@millrace/orchestration/readmodel/TurnEnd"
import type { TurnView } from "@millrace/contracts/State"
import type { TurnCall } from "./TurnCall.ts"
import { responseId } from "./ContinuedThread.ts"
import { streamCut, type Failure, fromEnd } from "./Failure.ts"
import { noteOf } from "./IgnoredFields.ts"
import { SentItems } from "./SentItems.ts"
import type { TurnEvent } from "./TurnEvents.ts"
import * as Output from "./Output.ts"
import * as Sse from "./Sse.ts"
import { DeltaAligner } from "./DeltaAligner.ts"
import * as Usage from "./Usage.ts"

/** A response, of a call or of a turn in the log. */
export interface Subject {
  readonly id: string
  /** Seconds since 1970. */
  readonly createdAt: number
  readonly model: string
  readonly previous: string | null
  readonly instructions: string | null
  readonly metadata: unknown
  readonly store: boolean
  readonly ignored: ReadonlyArray<string>
  /** Leave out items of Millrace's own types. */
  readonly plain: boolean
}

const subjectOf = ({ request, createdAt, plain, turn }: TurnCall): Subject => ({
  id: responseId(turn.turnId),
  createdAt,
  model: request.model,
  previous: request.previous ?? null,
  instructions: request.instructions,
  metadata: request.metadata,
  store: request.store,
  ignored: request.ignored,
  plain
})

/** All fields that Open Responses requires. Settings of the model have their default values. */
const base = (subject: Subject) => ({
  id: subject.id,
  object: "response",
  created_at: subject.createdAt,
  completed_at: null,
  model: subject.model,
  instructions: subject.instructions,
  metadata: subject.metadata,
  previous_response_id: subject.previous,
  incomplete_details: null,
  parallel_tool_calls: false,
  temperature: 1,
  top_p: 1,
  presence_penalty: 0,
  frequency_penalty: 0,
  top_logprobs: 0,
  tool_choice: "auto",
  tools: [],
  truncation: "disabled",
  text: { format: { type: "text" } },
  reasoning: null,
  usage: null,
  max_output_tokens: null,
  max_tool_calls: null,
  store: subject.store,
  background: false,
  service_tier: "default",
  user: null,
  safety_identifier: null,
  prompt_cache_key: null,
  ...noteOf(subject)
})

/** How the response shows an item. `undefined`: it does not show the item. Items of sub-agents are not shown. */
const shapeFor = (
  { plain }: Subject,
  { kind, parentItemId }: { readonly kind: string; readonly parentItemId?: string | undefined }
): Output.Shape | undefined => {
  const shape = parentItemId === undefined ? Output.shapeOf(kind) : undefined
  return shape === "tool" && plain ? undefined : shape
}

const outputOf = (subject: Subject, items: ReadonlyArray<Output.Item>) =>
  items.flatMap((item) => {
    const shape = shapeFor(subject, item)
    return shape === undefined ? [] : [Output.of(shape, item)]
  })

const secondsOf = (at: string | undefined): number | null => (at === undefined ? null : Math.floor(Date.parse(at) / 1000))

/** The fields that a turn's end determines. */
const ending = ({ turn }: Pick<TurnEnd, "turn">) => ({
  completed_at: turn?.status === "completed" ? secondsOf(turn.endedAt) : null,
  usage: Usage.ofResponse(turn?.usage) ?? null
})

/** The whole answer of a completed turn. */
export const whole = (call: TurnCall, end: TurnEnd) => {
  const subject = subjectOf(call)
  return { ...base(subject), ...ending(end), status: "completed", error: null, output: outputOf(subject, end.items) }
}

const errorOf = ({ code, message }: Failure) => ({ code, message })

/** A turn of the log as a response, in any status. */
export const stored = (subject: Omit<Subject, "createdAt">, turn: TurnView, items: ReadonlyArray<Output.Item>) => {
  const { status } = turn
  const known = {
    ...base({ ...subject, createdAt: secondsOf(turn.requestedAt) ?? 0 }),
    output: outputOf({ ...subject, createdAt: 0 }, items)
  }
  if (status === "completed") return { ...known, ...ending({ turn }), status, error: null }
  if (status === "queued") return { ...known, status, error: null }
  if (status === "running" || status === "waiting") return { ...known, status: "in_progress", error: null }
  return { ...known, ...ending({ turn }), status: "failed", error: errorOf(fromEnd({ outcome: status, turn })) }
}

/** The input items of a turn: its prompt. */
export const inputOf = ({ text, turnId }: TurnView) => {
  const item = {
    type: "message",
    id: `msg_in_${turnId.slice("trn_".length)}`,
    role: "user",
    status: "completed",
    content: [{ type: "input_text", text }]
  }
  return { object: "list", data: [item], first_id: item.id, last_id: item.id, has_more: false }
}

interface Part {
  readonly index: number
  readonly shape: Output.Shape
  readonly text: DeltaAligner
  done: boolean
}

/** The streamed answer: `first`, then the events that each step adds. */
export const stream = (call: TurnCall) => {
  const subject = subjectOf(call)
  const parts = new SentItems<Part>()
  const nested = new Nested()
  let sequence = 0
  let gapped = false
  const send = (type: string, data: object) => Sse.named(type, { type, sequence_number: sequence++, ...data })
  const at = (itemId: string, { index, shape }: Part) => ({ item_id: Output.idOf(shape, itemId), output_index: index })

  const opened = (item: Output.Item, shape: Output.Shape, lost: boolean): { readonly part: Part; readonly text: string } => {
    const part = parts.begin(item.itemId, (index): Part => ({ index, shape, text: new DeltaAligner(lost), done: false }))
    const place = at(item.itemId, part)
    const added = send("response.output_item.added", { output_index: part.index, item: Output.of(shape, item) })
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
    part.text.free()
    parts.end(item.itemId)
    const ends =
      shape === "message"
        ? send("response.output_text.done", { ...place, content_index: 0, text, logprobs: [] }) +
          send("response.content_part.done", { ...place, content_index: 0, part: Output.textPart(text) })
        : shape === "reasoning"
          ? send("response.reasoning_summary_text.done", { ...place, summary_index: 0, text }) +
            send("response.reasoning_summary_part.done", { ...place, summary_index: 0, part: Output.summaryPart(text) })
          : ""
    return rest + ends + send("response.output_item.done", { output_index: part.index, item: Output.of(shape, item) })
  }

  const add = (event: ItemModel.StreamEvent): string => {
    const { data, type } = event
    const shape = nested.has(event) ? undefined : shapeFor(subject, { kind: data.kind })
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

  /** Events before this point were not received; `items` are the current items of the turn. */
  const missed = (items: ReadonlyArray<Output.Item>): string => {
    gapped = true
    parts.each(({ text }) => text.gap())
    let text = ""
    for (const item of parts.notEvicted(shown(items))) {
      const shape = shapeFor(subject, item)
      if (shape === undefined) continue
      if (item.status !== "open") text += closed(item, shape)
      else if (parts.get(item.itemId) === undefined) text += opened(item, shape, true).text
    }
    return text
  }

  /** The items that this answer shows. */
  const shown = (items: ReadonlyArray<Output.Item>) => items.filter((item) => shapeFor(subject, item) !== undefined)

  /** Sorts items in the order of the stream, so that the client's copy and the last event agree. Unsent items come last. */
  const inOrder = (items: ReadonlyArray<Output.Item>) => {
    const notEvicted = new Set(parts.notEvicted(items).map(({ itemId }) => itemId))
    const place = (itemId: string) => parts.get(itemId)?.index ?? (notEvicted.has(itemId) ? Number.MAX_SAFE_INTEGER : -1)
    return items.toSorted((a, b) => place(a.itemId) - place(b.itemId))
  }

  /** Some clients treat a stream that stops after `response.failed` as a success, so an `error` event precedes it, in OpenAI's and Open Responses' shape. */
  const failedWith = (failure: Failure, output: ReadonlyArray<object>, more: object = {}) => {
    const { code, message, param, type } = failure
    return (
      send("error", { code, message, param, error: { type, code, message, param } }) +
      send("response.failed", { response: { ...base(subject), ...more, status: "failed", error: errorOf(failure), output } })
    )
  }

  const ended = (end: TurnEnd): string => {
    let text = ""
    const output = outputOf(subject, inOrder(shown(end.items)))
    for (const item of parts.notEvicted(shown(end.items))) {
      const shape = shapeFor(subject, item)
      if (shape !== undefined) text += closed(item, shape)
    }
    return end.outcome === "completed"
      ? text +
          send("response.completed", {
            response: { ...base(subject), ...ending(end), status: "completed", error: null, output }
          })
      : text + failedWith(fromEnd(end), output, ending(end))
  }

  const begun = { response: { ...base(subject), status: "in_progress", error: null, output: [] } }
  return {
    first: send("response.created", begun) + send("response.in_progress", begun),
    failed: (failure: Failure) => failedWith(failure, []),
    next: (event: TurnEvent): string => {
      switch (event._tag) {
        case "events": {
          let text = ""
          for (const itemEvent of event.events) {
            const item = domainEvent(itemEvent)
            if (ItemModel.isStreamEvent(item)) text += add(item)
          }
          return text
        }
        case "gap":
          return missed(event.items)
        case "heartbeat":
          return Sse.comment
        case "end":
          return ended(event.end)
        case "cut":
          return failedWith(streamCut(event.message), [])
      }
    }
  }
}
