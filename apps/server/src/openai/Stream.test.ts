/** The streams of both endpoints for turns that the demo agent cannot produce: gaps, overlapping messages, texts that change at their end. */
import { describe, expect, it } from "@effect/vitest"
import { domainEvent, type LogEvent } from "@millrace/contracts/Event"
import type { ItemId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { ItemView } from "@millrace/contracts/Item"
import { answerOf as textOf, isStreamEvent } from "@millrace/model/Item"
import type { TurnEnd } from "@millrace/orchestration/readmodel/TurnEnd"
import type { TurnCall } from "./TurnCall.ts"
import * as Chat from "./Chat.ts"
import { SentItems } from "./SentItems.ts"
import type { TurnEvent } from "./TurnEvents.ts"
import * as Responses from "./Responses.ts"
import { MessageJoiner } from "./MessageJoiner.ts"

const threadId = "thr_a" as ThreadId
const turnId = "trn_a" as TurnId
const call: TurnCall = {
  request: {
    model: "demo",
    messages: [],
    stream: true,
    includeUsage: false,
    previous: undefined,
    instructions: null,
    metadata: {},
    store: true,
    ignored: []
  },
  plain: false,
  turn: { threadId, turnId, offset: 1 },
  createdAt: 1,
  headers: {},
  markAnswered: () => undefined
}

let offset = 1
const event = (type: string, name: string, data: object): LogEvent => ({
  offset: ++offset,
  stream: `thread/${threadId}`,
  version: offset,
  type,
  at: "2026-11-20T09:00:00.000Z",
  epoch: 1,
  data: { threadId, turnId, itemId: `itm_${name}`, kind: "agent-message", ...data }
})
const begun = (name: string, kind = "agent-message") => event("item.started", name, { kind })
const delta = (name: string, text: string, kind = "agent-message") => event("item.delta", name, { text, kind })
const done = (name: string, text: string, kind = "agent-message") =>
  event("item.completed", name, { text, kind, status: "completed" })
const events = (...events: ReadonlyArray<LogEvent>): TurnEvent => ({ _tag: "events", events })
const item = (name: string, text: string, kind = "agent-message"): ItemView => ({
  itemId: `itm_${name}` as ItemId,
  threadId,
  turnId,
  kind,
  status: "completed",
  text
})
const open = (name: string, text: string): ItemView => ({ ...item(name, text), status: "open" })
const gap = (...items: ReadonlyArray<ItemView>): TurnEvent => ({ _tag: "gap", items })
const end = (...items: ReadonlyArray<ItemView>): TurnEvent & { readonly _tag: "end"; readonly end: TurnEnd } => ({
  _tag: "end",
  end: { outcome: "completed", at: 99, turn: undefined, items, truncated: false }
})

const blocks = (text: string): ReadonlyArray<Record<string, unknown>> =>
  text.split("\n\n").flatMap((block) => {
    const data = /^data: (\{.*)$/m.exec(block)?.[1]
    return data === undefined ? [] : [JSON.parse(data) as Record<string, unknown>]
  })
const chatText = (moments: ReadonlyArray<TurnEvent>): string => {
  const { first, next } = Chat.stream(call)
  return blocks(first + moments.map(next).join(""))
    .map(
      (chunk) => (chunk["choices"] as ReadonlyArray<{ readonly delta: { readonly content?: string } }>)[0]?.delta.content ?? ""
    )
    .join("")
}

interface Sent {
  readonly type: string
  readonly output_index?: number
  readonly delta?: string
  readonly item_id?: string
  readonly item?: { readonly id: string }
  readonly response?: { readonly output: ReadonlyArray<{ readonly id: string }> }
}
const responseEvents = (moments: ReadonlyArray<TurnEvent>): ReadonlyArray<Sent> => {
  const { first, next } = Responses.stream(call)
  return blocks(first + moments.map(next).join("")) as unknown as ReadonlyArray<Sent>
}

/** The text that a client assembles from the deltas of each item, by index, and the content of the last event. */
const received = (moments: ReadonlyArray<TurnEvent>) => {
  const sent = responseEvents(moments)
  const texts = new Map<number, string>()
  for (const { delta, output_index } of sent)
    if (delta !== undefined && output_index !== undefined) texts.set(output_index, (texts.get(output_index) ?? "") + delta)
  const ids = sent.flatMap(({ item, type }) => (type === "response.output_item.added" && item !== undefined ? [item.id] : []))
  const closed = sent.flatMap(({ item, type }) => (type === "response.output_item.done" && item !== undefined ? [item.id] : []))
  expect(closed.toSorted()).toEqual(ids.toSorted())
  expect(sent.at(-1)?.response?.output.map(({ id }) => id)).toEqual(ids)
  return [...texts.entries()].toSorted(([a], [b]) => a - b).map(([, text]) => text)
}

const cases: ReadonlyArray<{
  readonly name: string
  readonly moments: ReadonlyArray<TurnEvent>
  readonly end: ReturnType<typeof end>
}> = [
  {
    name: "consecutive messages",
    moments: [
      events(begun("1"), delta("1", "a"), delta("1", "b"), done("1", "ab")),
      events(begun("2"), delta("2", "c"), done("2", "c"))
    ],
    end: end(item("1", "ab"), item("2", "c"))
  },
  {
    name: "overlapping messages",
    moments: [
      events(begun("1"), begun("2"), delta("2", "x")),
      events(delta("1", "a"), delta("2", "y")),
      events(done("2", "xy"), delta("1", "b")),
      events(done("1", "ab"))
    ],
    end: end(item("1", "ab"), item("2", "xy"))
  },
  {
    name: "a completed text with more than its deltas",
    moments: [events(begun("1"), delta("1", "a"), done("1", "abc"))],
    end: end(item("1", "abc"))
  },
  {
    name: "a gap in the middle of a message",
    moments: [events(begun("1"), delta("1", "a")), gap(open("1", "c")), events(delta("1", "c")), events(done("1", "abc"))],
    end: end(item("1", "abc"))
  },
  {
    name: "a gap at the beginning",
    moments: [gap(open("1", "b")), events(delta("1", "b")), events(done("1", "ab"))],
    end: end(item("1", "ab"))
  },
  {
    name: "a gap over everything",
    moments: [gap(item("1", "ab"), item("2", "c"))],
    end: end(item("1", "ab"), item("2", "c"))
  },
  {
    name: "a gap at the end",
    moments: [events(begun("1"), delta("1", "a")), gap(item("1", "ab"), item("2", "c"))],
    end: end(item("1", "ab"), item("2", "c"))
  },
  {
    name: "a gap over a whole message before a delivered one",
    moments: [gap(item("1", "ab"), open("2", "")), events(done("1", "ab"), begun("2"), delta("2", "c"), done("2", "cd"))],
    end: end(item("1", "ab"), item("2", "cd"))
  },
  {
    name: "a gap whose items are ahead of the events after it",
    moments: [
      gap(item("1", "ab"), item("2", "c")),
      events(delta("1", "b"), done("1", "ab"), begun("2"), delta("2", "c"), done("2", "c"))
    ],
    end: end(item("1", "ab"), item("2", "c"))
  },
  {
    name: "messages without text",
    moments: [events(begun("1"), done("1", ""), begun("2"), delta("2", "c"), done("2", "c"))],
    end: end(item("1", ""), item("2", "c"))
  }
]

describe("the chunks of an answer", () => {
  for (const one of cases)
    it(`D13 T9 join to the answer: ${one.name}`, () => {
      const moments = [...one.moments, one.end]
      expect(chatText(moments)).toBe(textOf(one.end.end.items))
      expect(received(moments)).toEqual(
        one.end.end.items.flatMap(({ text }) => (text === "" || text === undefined ? [] : [text]))
      )
    })

  it("T9 a completed text that differs from its deltas is sent in the events that allow it", () => {
    const moments = [events(begun("1"), delta("1", "ab"), done("1", "xy")), end(item("1", "xy"))]
    expect(chatText(moments)).toBe("ab")
    const sent = responseEvents(moments) as ReadonlyArray<Sent & { readonly text?: string }>
    expect(sent.find(({ type }) => type === "response.output_text.done")?.text).toBe("xy")
  })

  it("D13 reasoning and tools keep their order among messages", () => {
    const command = { ...item("2", "", "command"), command: "ls", output: "x\n" }
    const moments = [
      events(begun("1", "reasoning"), delta("1", "hm", "reasoning"), done("1", "hm", "reasoning")),
      events(begun("2", "command"), delta("2", "x\n", "command"), begun("3"), delta("3", "a")),
      end(item("1", "hm", "reasoning"), command, item("3", "a"), item("4", "plan", "plan"))
    ]
    expect(received(moments)).toEqual(["hm", "a"])
    expect(responseEvents(moments).at(-1)?.response?.output).toMatchObject([
      { type: "reasoning", summary: [{ text: "hm" }] },
      { type: "millrace:command", command: "ls", output: "x\n" },
      { type: "message" }
    ])
    expect(chatText(moments)).toBe("a")
  })

  it("T11 a turn that did not complete gives its text, then the error, and no success marker", () => {
    const broken: TurnEvent = {
      _tag: "end",
      end: { ...end(item("1", "ab")).end, outcome: "deleted" }
    }
    const { next } = Chat.stream(call)
    const text = next(events(begun("1"), delta("1", "a"))) + next(broken)
    expect(text).toContain('"content":"a"')
    expect(text).toContain('"content":"b"')
    expect(blocks(text).at(-1)).toMatchObject({ error: { type: "turn_error", code: "thread_deleted" } })
    expect(text).not.toContain("[DONE]")
    expect(responseEvents([broken]).at(-1)).toMatchObject({
      type: "response.failed",
      response: { status: "failed", error: { code: "thread_deleted" }, output: [{ type: "message" }] }
    })
  })
})

describe("R7 calls with any number of items", () => {
  const many = 1500
  const name = (n: number) => String(n).padStart(5, "0")
  const all = Array.from({ length: many }, (_, n) => item(name(n), `text ${n}`))
  const told = all.map(({ itemId, text = "" }) => events(begun(itemId.slice(4)), done(itemId.slice(4), text)))

  it("R7 a delivered message is evicted beyond 1,024 and is delivered once: before a gap, after one, and at the end", () => {
    const known = new SentItems<number>()
    for (let n = 0; n < many; n++) {
      known.begin(name(n), (index) => index)
      known.end(name(n))
    }
    expect(known.size).toBe(1024)
    const whole = textOf(all)
    const last = end(...all)
    for (const moments of [told, [...told, gap(...all)], [...told.slice(0, 1100), gap(...all), ...told.slice(1450)]]) {
      expect(chatText([...moments, last]) === whole).toBe(true)
      expect(received([...moments, last])).toEqual(all.map(({ text }) => text))
    }
    expect(chatText([...told.slice(0, 1499), end(...all.slice(1300))]) === whole).toBe(true)
  })

  it("R7 an item that ended before older ones is not delivered again once it is evicted, and later items are", () => {
    const known = new SentItems<number>()
    const count = 1025
    for (let n = 0; n <= count; n++) known.begin(name(n), (index) => index)
    known.end(name(count))
    for (let n = 1; n < count; n++) known.end(name(n))
    const left = known.notEvicted(Array.from({ length: count + 2 }, (_, n) => ({ itemId: name(n) })))
    expect(left.map(({ itemId }) => itemId)).toEqual([...Array.from({ length: count }, (_, n) => name(n)), name(count + 1)])
  })

  it("R7 messages behind an unfinished one are delivered from the 1,025th on; the rest of the unfinished one follows", () => {
    const joiner = new MessageJoiner()
    const tell = (event: LogEvent) => {
      const read = domainEvent(event)
      return isStreamEvent(read) ? joiner.add(read) : ""
    }
    expect(tell(begun("open")) + tell(delta("open", "so far"))).toBe("so far")
    let text = ""
    for (const { itemId, text: said = "" } of all) text += tell(begun(itemId.slice(4))) + tell(done(itemId.slice(4), said))
    // The newest message may wait for the message that was moved to the end.
    expect(text.startsWith(`\n\n${textOf(all.slice(0, 1024))}`)).toBe(true)
    expect(text + tell(done("open", "so far and more"))).toContain(" and more")
  })
})
