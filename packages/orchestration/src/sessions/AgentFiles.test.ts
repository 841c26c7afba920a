import { assert, it } from "@effect/vitest"
import { maxBlobBytes } from "@millrace/contracts/Blob"
import type { ItemId, TurnId } from "@millrace/contracts/Ids"
import type { ItemContent } from "@millrace/contracts/Item"
import type { AgentFile, DurableEvent } from "@millrace/contracts/ProviderEvent"
import { Effect } from "effect"
import * as AgentFiles from "./AgentFiles.ts"

const file = (name: string, base64 = "AAAA"): AgentFile => ({ name, mediaType: "image/png", base64 })
const shown = (content: ItemContent, ...files: ReadonlyArray<AgentFile>) =>
  Effect.map(
    AgentFiles.stored([
      {
        _tag: "ItemCompleted",
        turnId: "trn_1" as TurnId,
        itemId: "itm_1" as ItemId,
        kind: "tool-call",
        status: "completed",
        content,
        files
      }
    ] satisfies ReadonlyArray<DurableEvent>),
    ({ events: [event] }) => (event !== undefined && "content" in event ? event.content : {})
  )

it.effect("X5 the name of an agent's file has no path", () =>
  Effect.gen(function* () {
    const { attachments = [] } = yield* shown({}, file("../../etc/passwd"), file("a\\b\n.png"), file(".."))
    assert.deepStrictEqual(
      attachments.map(({ name }) => name),
      [".._.._etc_passwd", "a_b_.png", "file"]
    )
  })
)

it.effect("files that are too large or too many are named in the item", () =>
  Effect.gen(function* () {
    const large = file("large.png", "A".repeat(Math.ceil((maxBlobBytes * 4) / 3) + 8))
    const many = Array.from({ length: 17 }, (_, n) => file(`${n}.png`))
    const called = yield* shown({ tool: "camera", result: "done" }, large, ...many)
    // The large file takes no place of another one.
    assert.strictEqual(called.attachments?.length, 16)
    assert.strictEqual(called.result, "done\n[not kept: large.png, 16.png; an item has at most 16 files of 32 MiB]")
    const said = yield* shown({}, large)
    assert.deepStrictEqual(said, { text: "[not kept: large.png; an item has at most 16 files of 32 MiB]" })
  })
)
