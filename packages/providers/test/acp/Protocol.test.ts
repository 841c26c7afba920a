/** Messages of the types that the Agent Client Protocol's own package publishes: the type checker finds a renamed field, these tests find one that is not read. */
import type {
  InitializeResponse,
  NewSessionResponse,
  PromptResponse,
  RequestPermissionRequest,
  RequestPermissionResponse,
  SessionUpdate
} from "@agentclientprotocol/sdk"
import { describe, expect, it } from "@effect/vitest"
import { Either, Schema } from "effect"
import { pending } from "../../src/acp/PendingRequest.ts"
import * as Wire from "../../src/acp/Wire.ts"

const read = (update: SessionUpdate) => Wire.decodeUpdate("s", { sessionId: "s", update })
const decodes = <A, I>(schema: Schema.Schema<A, I>, message: unknown) =>
  Either.isRight(Schema.decodeUnknownEither(schema)(message))

describe("Protocol", () => {
  it("T14 updates of the protocol's types are read", () => {
    const text = { type: "text", text: "hello" } as const
    const entries = [{ content: "look", priority: "medium", status: "pending" }] as const
    const call = { toolCallId: "c", title: "ls", kind: "execute", status: "in_progress", rawInput: { command: "ls" } } as const
    expect([
      read({ sessionUpdate: "agent_message_chunk", content: text }),
      read({ sessionUpdate: "agent_thought_chunk", content: text }),
      read({ sessionUpdate: "user_message_chunk", content: text }),
      read({ sessionUpdate: "plan", entries: [...entries] }),
      read({ sessionUpdate: "usage_update", used: 10, size: 100 }),
      read({ sessionUpdate: "tool_call", ...call }),
      read({ sessionUpdate: "tool_call_update", ...call, content: [{ type: "content", content: text }] }),
      read({ sessionUpdate: "available_commands_update", availableCommands: [{ name: "web", description: "Search" }] }),
      read({ sessionUpdate: "current_mode_update", currentModeId: "plan" }),
      read({
        sessionUpdate: "config_option_update",
        configOptions: [
          { type: "select", name: "A", id: "a", category: "model", currentValue: "big", options: [] },
          { type: "select", name: "B", id: "mode", currentValue: "plan", options: [] }
        ]
      }),
      read({ sessionUpdate: "session_info_update", title: "a" })
    ]).toMatchObject([
      { _tag: "Text", of: "agent-message", text: "hello" },
      { _tag: "Text", of: "reasoning", text: "hello" },
      { _tag: "Echo" },
      { _tag: "Plan", entries: [{ content: "look", status: "pending" }] },
      { _tag: "Used", contextTokens: 10, contextWindow: 100 },
      { _tag: "Tool", call },
      { _tag: "Tool", call: { ...call, content: [{ type: "content", content: text }] } },
      { _tag: "Commands", commands: [{ name: "web", description: "Search" }] },
      { _tag: "Mode", mode: "plan" },
      { _tag: "Options", settings: { configOptions: [{ currentValue: "big" }, { currentValue: "plan" }] } },
      { _tag: "Other" }
    ])
  })

  it("T14 a permission request of the protocol's type is read, and its answer has the protocol's type", () => {
    const request: RequestPermissionRequest = {
      sessionId: "s",
      toolCall: { toolCallId: "c", title: "ls" },
      options: [
        { optionId: "yes", name: "Allow", kind: "allow_once" },
        { optionId: "no", name: "Reject", kind: "reject_once" }
      ]
    }
    const asked = Wire.decodeAsk("s", "session/request_permission", request, "item")
    expect(asked).toMatchObject(request)
    const answer: RequestPermissionResponse | undefined =
      asked && pending(asked.toolCall, asked.options).result({ decision: "decline" })
    expect(answer).toEqual({ outcome: { outcome: "selected", optionId: "no" } } satisfies RequestPermissionResponse)
  })

  it("T14 answers of the protocol's types are read", () => {
    const hello: InitializeResponse = {
      protocolVersion: 1,
      agentCapabilities: { loadSession: true, sessionCapabilities: { resume: {} } },
      authMethods: [{ id: "login", name: "Sign in" }],
      agentInfo: { name: "agent", version: "1" }
    }
    const session: NewSessionResponse = {
      sessionId: "s",
      configOptions: [{ id: "model", name: "Model", category: "model", type: "select", currentValue: "m", options: [] }]
    }
    // The stable protocol has no token counts in the answer to a prompt; agents that send them are tested in Replay.test.ts.
    const end: PromptResponse = { stopReason: "end_turn" }
    expect(Schema.decodeUnknownSync(Wire.InitializeAnswer)(hello)).toMatchObject(hello)
    expect(decodes(Wire.NewAnswer, session)).toBe(true)
    expect(Schema.decodeUnknownSync(Wire.Stopped)(end)).toEqual(end)
  })
})
