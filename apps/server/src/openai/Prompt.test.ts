import { describe, expect, it } from "@effect/vitest"
import { Either } from "effect"
import * as CompletionRequest from "./CompletionRequest.ts"
import * as Prompt from "./Prompt.ts"

const prompt = (messages: ReadonlyArray<object>, continues = false) =>
  Either.flatMap(CompletionRequest.fromChat({ model: "demo", messages }), ({ messages: read }) => Prompt.make(read, continues))
const text = (messages: ReadonlyArray<object>, continues = false) =>
  Either.match(prompt(messages, continues), { onLeft: ({ code }) => code, onRight: ({ text }) => text })

const system = { role: "system", content: "Be short." }
const user = { role: "user", content: " Hi\nthere " }
const assistant = { role: "assistant", content: "Hello." }

describe("a conversation as a prompt", () => {
  it("one user message is the prompt, unchanged", () => {
    expect(text([user])).toBe(" Hi\nthere ")
    expect(
      text([
        {
          role: "user",
          content: [
            { type: "text", text: "a" },
            { type: "text", text: "b" }
          ]
        }
      ])
    ).toBe("a\nb")
    expect(Either.getOrThrow(prompt([user])).title).toBe("Hi")
  })

  it("instructions and earlier messages are separate from the new message", () => {
    expect(text([system, user])).toBe("Instructions:\nBe short.\n\n---\n\n Hi\nthere ")
    expect(text([user, assistant, { role: "user", content: "And now?" }])).toBe(
      "The conversation so far:\n\nUser:  Hi\nthere \n\nAssistant: Hello.\n\n---\n\nAnd now?"
    )
  })

  it("calls and results of a caller's tools are included as text", () => {
    const called = { role: "assistant", content: null, tool_calls: [{ id: "1", function: { name: "f", arguments: "{}" } }] }
    expect(text([user, called, { role: "tool", tool_call_id: "1", content: "42" }])).toBe(
      "The conversation so far:\n\nUser:  Hi\nthere \n\nAssistant: (called f with {})\n\n---\n\nTool result: 42"
    )
  })

  it("a continued thread gets only the messages after its last answer", () => {
    expect(text([system, user, assistant, { role: "user", content: "a" }, { role: "user", content: "b" }], true)).toBe("a\n\nb")
    expect(text([user], true)).toBe(" Hi\nthere ")
  })

  it("new instructions of a continued thread are a separate part", () => {
    const developer = { role: "developer", content: "In French." }
    expect(Either.getOrThrow(prompt([system, user, assistant, developer, user], true))).toMatchObject({
      text: " Hi\nthere ",
      instructions: "Be short.\n\nIn French."
    })
    expect(Either.getOrThrow(prompt([user], true)).instructions).toBeUndefined()
  })

  it("reasoning is dropped from an assistant's message and rejected in a user's", () => {
    for (const type of ["thinking", "redacted_thinking", "reasoning"]) {
      const content = [
        { type, thinking: "hm", text: [{ type: "text", text: "hm" }] },
        { type: "text", text: "Hello." }
      ]
      expect(text([user, { role: "assistant", content }, { role: "user", content: "More" }])).toBe(
        "The conversation so far:\n\nUser:  Hi\nthere \n\nAssistant: Hello.\n\n---\n\nMore"
      )
      expect(text([{ role: "user", content }])).toBe("unsupported_content")
    }
  })

  it("arguments of a call may be an object", () => {
    const called = { role: "assistant", content: null, tool_calls: [{ id: "1", function: { name: "f", arguments: { a: 1 } } }] }
    expect(text([user, called, { role: "tool", content: "42" }])).toContain('(called f with {"a":1})')
  })

  it("a request whose last message is not a user message with content is rejected", () => {
    for (const messages of [[assistant], [user, assistant], [system], [{ role: "user", content: "  " }]])
      expect(text(messages)).toBe("empty_prompt")
  })
})

describe("what is asked", () => {
  const code = (asked: Either.Either<unknown, { readonly code: string; readonly param: string | null }>) =>
    Either.match(asked, { onLeft: ({ code, param }) => `${code} ${param}`, onRight: () => "ok" })
  const chat = (more: object) => code(CompletionRequest.fromChat({ model: "demo", messages: [user], ...more }))
  const responses = (more: object) => code(CompletionRequest.fromResponses({ model: "demo", input: "hi", ...more }))

  it("unknown fields and null in optional ones pass", () => {
    expect(chat({ temperature: 1, seed: 3, newer: {}, stream: null, n: null, tools: [{}], tool_choice: "auto" })).toBe("ok")
    expect(chat({ response_format: { type: "text" }, stream_options: null })).toBe("ok")
    expect(responses({ reasoning: { effort: "low" }, store: false, text: { format: { type: "text" } }, background: null })).toBe(
      "ok"
    )
  })

  it("an unsupported field that would change the answer is rejected by name", () => {
    expect(chat({ n: 2 })).toBe("unsupported_parameter n")
    expect(chat({ tool_choice: "required" })).toBe("unsupported_parameter tool_choice")
    expect(chat({ response_format: { type: "json_object" } })).toBe("unsupported_parameter response_format")
    expect(responses({ background: true })).toBe("unsupported_parameter background")
    expect(responses({ conversation: "conv_1" })).toBe("unsupported_parameter conversation")
    expect(responses({ input: [{ type: "item_reference", id: "x" }] })).toBe("unsupported_content input[0]")
  })

  it("an unreadable field is named", () => {
    expect(chat({ messages: "hi" })).toBe("invalid_value messages")
    expect(chat({ messages: [{ role: "pirate", content: "hi" }] })).toBe("invalid_value messages[0].role")
    const role = CompletionRequest.fromChat({ model: "demo", messages: [{ role: "User", content: "hi" }] })
    expect(Either.isLeft(role) ? role.left.message : "").toContain("system, developer, user, assistant, tool, function")
    expect(chat({ model: "" })).toBe("invalid_value model")
    expect(code(CompletionRequest.fromChat([]))).toBe("invalid_value null")
    expect(responses({ input: 5 })).toBe("invalid_value input")
  })

  it("an answer that the client sends back is history", () => {
    const decoded = CompletionRequest.fromResponses({
      model: "demo",
      input: [
        { role: "user", content: "Hi" },
        { type: "reasoning", id: "rs_1", summary: [] },
        { type: "mcp_call", id: "mcp_1", name: "command", arguments: "{}", server_label: "demo" },
        { type: "millrace:command", id: "mr_1", command: "ls", output: "" },
        { type: "message", id: "msg_1", role: "assistant", content: [{ type: "output_text", text: "Hello.", annotations: [] }] },
        { role: "user", content: [{ type: "input_text", text: "More" }] }
      ],
      instructions: "Be short."
    })
    expect(Either.getOrThrow(decoded).messages.map(({ role, text }) => [role, text])).toEqual([
      ["system", "Be short."],
      ["user", "Hi"],
      ["assistant", "Hello."],
      ["user", "More"]
    ])
  })
})
