/** Images in what agents report: each becomes a file, with a placeholder in its place. */
import { describe, expect, it } from "@effect/vitest"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { ProviderEvent } from "@millrace/contracts/ProviderEvent"
import * as Shot from "@millrace/testing/Shot"
import { FastCheck } from "effect"
import * as AcpMapping from "../src/acp/Mapping.ts"
import { itemFiles } from "../src/codex/Items.ts"
import * as Images from "../src/Images.ts"
import type { NativeEvent } from "../src/NativeEvent.ts"
import * as Normaliser from "../src/Normaliser.ts"
import * as ResponsesWire from "../src/openai/ResponsesWire.ts"

const data = Shot.base64
const url = `data:image/jpeg;base64,${data}`
const shapes = {
  "MCP and ACP": { type: "image", mimeType: "image/png", data },
  "an MCP resource": { type: "resource", resource: { uri: "file:///x", mimeType: "image/png", blob: data } },
  Anthropic: { type: "image", source: { type: "base64", media_type: "image/webp", data } },
  "OpenAI chat": { type: "image_url", image_url: { url } },
  "OpenAI responses": { type: "input_image", image_url: url },
  Codex: { type: "inputImage", imageUrl: url }
}

describe("images in a value", () => {
  for (const [name, block] of Object.entries(shapes))
    it(`${name}: the image is a file, and a text block names it`, () => {
      const shown = new Images.Shown()
      const value = shown.replace({ content: [{ type: "text", text: "before" }, block], isError: false })
      const [file] = shown.files
      expect(file?.base64).toBe(data)
      expect(value).toEqual({
        content: [
          { type: "text", text: "before" },
          { type: "text", text: `[image: ${file?.name}]` }
        ],
        isError: false
      })
    })

  it("L4 at most 16 files of 32 MiB together; the others are named", () => {
    const block = shapes["MCP and ACP"]
    const many = new Images.Shown()
    const value = many.replace(Array.from({ length: 17 }, () => block)) as ReadonlyArray<{ readonly text: string }>
    expect(many.files.map(({ name }) => name)).toEqual(Array.from({ length: 16 }, (_, n) => `image-${n + 1}.png`))
    expect(value[16]?.text).toMatch(/^\[image of \d+ bytes, left out\]$/)
    const large = new Images.Shown()
    const half = { ...block, data: "A".repeat(24 * 1024 * 1024) }
    large.replace([half, half])
    expect(large.files).toHaveLength(1)
  })

  it("a value without images is returned as it is; any value is accepted", () => {
    const values = FastCheck.sample(FastCheck.anything(), { numRuns: 500, seed: 17 })
    expect(values).toHaveLength(500)
    for (const value of values) expect(new Images.Shown().replace(value)).toBe(value)
    for (const image of [
      { type: "image", mimeType: "image/svg+xml", data },
      { type: "image", url: "http://x" },
      { type: "image_url", image_url: "http://x" }
    ])
      expect(new Images.Shown().replace(image)).toBe(image)
  })
})

describe("items with images", () => {
  const completed = (events: ReadonlyArray<ProviderEvent>) =>
    events.flatMap((event) => (event._tag === "ItemCompleted" || event._tag === "ItemAmended" ? [event] : []))
  /** The normaliser's output for a completed item. */
  const normalised = (...natives: ReadonlyArray<NativeEvent>) => {
    const normaliser = Normaliser.make({ threadId: ThreadId.make("thr_1"), epoch: 1 })
    normaliser.bindTurn(TurnId.make("trn_1"), "t")
    return completed(natives.flatMap((native) => normaliser.push(native)))
  }
  const result = { content: [shapes["MCP and ACP"]] }
  const item = {
    nativeTurnId: "t",
    nativeItemId: "i",
    kind: "tool-call",
    status: "completed",
    content: { tool: "x", result }
  } as const

  it("the result of a tool, and its later amendment", () => {
    const [first, again] = normalised({ _tag: "ItemCompleted", ...item }, { _tag: "ItemCompleted", ...item })
    for (const event of [first, again]) {
      expect(event?.files).toEqual([{ name: "image-1.png", mediaType: "image/png", base64: data }])
      expect(event?.content.result).toEqual({ content: [{ type: "text", text: "[image: image-1.png]" }] })
    }
    expect(again?._tag).toBe("ItemAmended")
  })

  it("ACP: an image of a tool call is named in its result, and an image in the agent's message is an item", () => {
    const mapping = AcpMapping.make("s")
    mapping.begin("t", "draw")
    const update = (update: object) => mapping.notification("session/update", { sessionId: "s", update })
    const image = { type: "image", mimeType: "image/png", data }
    const tool = update({
      sessionUpdate: "tool_call",
      toolCallId: "c",
      title: "draw",
      status: "completed",
      content: [
        { type: "content", content: { type: "text", text: "done " } },
        { type: "content", content: image }
      ]
    })
    const message = update({ sessionUpdate: "agent_message_chunk", content: image })
    const [drawn, shown] = normalised(...tool, ...message)
    expect(drawn).toMatchObject({ kind: "tool-call", content: { result: "done [image: image-1.png]" } })
    expect(drawn?.files).toHaveLength(1)
    expect(shown).toMatchObject({ kind: "image", content: { text: "[image: image-1.png]" } })
    expect(shown?.files?.[0]?.base64).toBe(data)
  })

  it("Codex: a generated image; OpenAI: an image of a response", () => {
    expect(itemFiles({ id: "i", type: "imageGeneration", raw: { result: data } })).toEqual([
      { name: "image-1.png", mediaType: "image/png", base64: data }
    ])
    expect(itemFiles({ id: "i", type: "imageView", raw: { result: data } })).toEqual([])
    const item = { type: "image_generation_call", id: "ig_1", result: data, output_format: "webp" }
    expect(ResponsesWire.responses({ type: "response.output_item.done", item })).toEqual([
      { _tag: "Image", id: "ig_1", mediaType: "image/webp", base64: data }
    ])
  })
})
