/**
 * Messages, item types, statuses and requests of a newer version of each agent, through its mapping: kept unchanged, never dropped, never a success.
 * The kit plays the same against whole sessions (scene `news`).
 */
import { assert, it } from "@effect/vitest"
import * as Acp from "../src/acp/Mapping.ts"
import * as Claude from "../src/claude/Mapping.ts"
import * as Codex from "../src/codex/Mapping.ts"
import * as Demo from "../src/demo/Mapping.ts"
import type { NativeEvent } from "../src/NativeEvent.ts"
import * as Wire from "../src/openai/Wire.ts"

type Events = ReadonlyArray<NativeEvent>
interface Row {
  readonly message: () => Events
  /** An item, or a part of one, of an unknown type and with an unknown status. */
  readonly item: () => Events
  /** The end of a turn with an unknown outcome. */
  readonly end?: () => Events
  readonly request?: () => { readonly events: Events; readonly answer?: unknown }
}

const codex = (): Row => {
  const mapping = Codex.make("t")
  const at = { threadId: "t", turnId: "u" }
  return {
    message: () => mapping.notification("future/thing", at),
    item: () => mapping.notification("item/completed", { ...at, item: { type: "hologram", id: "h", status: "foggy" } }),
    end: () => mapping.notification("turn/completed", { threadId: "t", turn: { id: "u", status: "pondering" } }),
    request: () => mapping.request(7, "future/ask", at)
  }
}
const claude = (): Row => {
  const mapping = Claude.make()
  mapping.expect("u")
  const content = [{ type: "hologram", state: "foggy" }]
  return {
    message: () => mapping.notification("future", { type: "future" }),
    item: () => mapping.notification("assistant", { uuid: "1", message: { id: "m", content } }),
    end: () => mapping.notification("result", { uuid: "2", subtype: "pondering", is_error: false }),
    request: () => mapping.request("7", "future", {})
  }
}
const acp = (): Row => {
  const mapping = Acp.make("t")
  mapping.begin("u", "go")
  const update = { sessionUpdate: "tool_call", toolCallId: "c", title: "x", kind: "hologram", status: "foggy" }
  return {
    message: () => mapping.notification("session/update", { sessionId: "t", update: { sessionUpdate: "future" } }),
    item: () => mapping.notification("session/update", { sessionId: "t", update }),
    end: () => mapping.notification("session/prompt", { nativeTurnId: "u", result: { stopReason: "pondering" } }),
    request: () => mapping.request("7", "future/ask", {})
  }
}
const demo = (): Row => ({
  message: () => [Demo.fromNotification("future", {})],
  item: () => [Demo.fromNotification("item/completed", { turn: "u", item: "i", kind: "hologram", status: "foggy", content: {} })]
})
/** Does what `openai/Turn.ts` does: `Other` becomes `Opaque`, and the finish reason decides the outcome. */
const model = (dialect: Wire.Dialect) => (): Row => {
  const events = (data: object): Events =>
    (Wire.decode(dialect, JSON.stringify(data)) ?? []).flatMap((said) =>
      said._tag === "Other" ? [{ _tag: "Opaque" as const, method: `openai/${dialect}`, payload: data }] : []
    )
  return {
    message: () => events({ type: "response.future", future: true }),
    item: () => events({ type: "response.output_item.done", item: { type: "hologram", status: "foggy" } })
  }
}

const table: Readonly<Record<string, () => Row>> = {
  codex,
  claude,
  acp,
  demo,
  "openai, chat": model("chat"),
  "openai, responses": model("responses")
}

it.each(Object.keys(table))(
  "P6 T11 %s: messages of a newer version are kept unchanged, and an end with an unknown status is no success",
  (name) => {
    const row = table[name]?.()
    assert.isDefined(row)
    if (row === undefined) return
    assert.deepStrictEqual(
      row.message().map(({ _tag }) => _tag),
      ["Opaque"]
    )
    const item = row.item()
    assert.match(JSON.stringify(item), /foggy/)
    assert.isTrue(item.some((event) => event._tag === "Opaque" || (event._tag === "ItemCompleted" && event.kind === "hologram")))
    const request = row.request?.()
    if (request !== undefined) {
      assert.isUndefined(request.answer)
      assert.deepStrictEqual(
        request.events.map(({ _tag }) => _tag),
        ["Opaque"]
      )
    }
    for (const event of row.end?.() ?? []) if (event._tag === "TurnEnded") assert.strictEqual(event.outcome, "failed")
  }
)
