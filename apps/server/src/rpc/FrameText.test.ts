/** The messages of `follow`: their text is the same as if the frames had been encoded one by one, whatever their size. */
import { RpcSerialization } from "@effect/rpc"
import { expect, it } from "@effect/vitest"
import type { Page } from "@millrace/log/EventLog"
import * as FrameText from "./FrameText.ts"

const parser = RpcSerialization.json.unsafeMake()
const json = (offset: number, text: string) => JSON.stringify({ offset, type: "item.delta", data: { text } })
const page = (texts: ReadonlyArray<string>): Page => {
  const events = texts.map((text, n) => ({
    offset: n + 1,
    stream: "thread/thr_a",
    type: "item.delta",
    json: json(n + 1, text)
  }))
  return { events, after: 0, upTo: events.length, head: events.length }
}

/** The messages that a socket receives, each with its number of WebSocket frames. */
const received = () => {
  const messages: Array<readonly [text: string, fragments: number]> = []
  let parts: Array<Uint8Array> = []
  const socket: FrameText.TextSocket = {
    send: (data, { binary, fin }) => {
      expect(binary).toBe(false)
      parts.push(data)
      if (!fin) return
      messages.push([Buffer.concat(parts).toString(), parts.length])
      parts = []
    }
  }
  return { messages, socket }
}

it("D9 a message of frames is the JSON of the frames, as one WebSocket frame or in fragments", () => {
  for (const [texts, fragments] of [
    [["one"], 1],
    [['"quoted"', "\u2028 \u{1f600} é", "\\ud800"], 1],
    [Array.from({ length: 300 }, () => "é".repeat(100)), 3]
  ] as const) {
    const { messages, socket } = received()
    const given = page(texts)
    const frames = new FrameText.FrameText(FrameText.ofPage("epoch", given), socket)
    expect(FrameText.encode({ _tag: "Chunk", requestId: "7", values: [frames] }, parser)).toBeUndefined()
    const values = given.events.map(({ json, offset }) => ({ _tag: "event", cursor: `epoch-${offset}`, event: JSON.parse(json) }))
    expect(messages).toEqual([[JSON.stringify({ _tag: "Chunk", requestId: "7", values }), fragments]])
  }
})

it("D9 the frames of several steps are one message, in order", () => {
  const { messages, socket } = received()
  const control = { _tag: "caught-up", head: 1, replayed: 0, requests: 0 } as const
  const open = { _tag: "open", logEpoch: "epoch", head: 1 } as const
  const values = [open, control].map((frame) => new FrameText.FrameText(FrameText.ofControl(frame), socket))
  expect(FrameText.encode({ _tag: "Chunk", requestId: "1", values }, parser)).toBeUndefined()
  expect(messages).toEqual([[JSON.stringify({ _tag: "Chunk", requestId: "1", values: [open, control] }), 1]])
})

it("D9 other messages are encoded by the library", () => {
  const exit = { _tag: "Exit", requestId: "1", exit: { _tag: "Success", value: [1] } }
  expect(FrameText.encode(exit, parser)).toBe(JSON.stringify(exit))
})
