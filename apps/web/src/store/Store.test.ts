import { expect, it, vi } from "vitest"
import type { LogEvent } from "@millrace/contracts/Event"
import { ItemId, ThreadId, threadStream, TurnId } from "@millrace/contracts/Ids"
import type { ItemView } from "@millrace/contracts/Item"
import type { PageOf } from "@millrace/contracts/Millrace"
import type { TurnView } from "@millrace/contracts/State"
import type { ToHub, ToTab } from "../hub/Wire.ts"

const threadId = ThreadId.make("thr_a")
const turnId = TurnId.make("trn_a")
const itemId = ItemId.make("itm_a")
const at = "2026-01-01T00:00:00.000Z"

/** Deltas whose text is their offset. */
const deltas = (...offsets: ReadonlyArray<number>): ToTab => ({
  tag: "events",
  events: offsets.map((offset) => {
    const data = { threadId, turnId, itemId, kind: "agent-message", text: `${offset} ` }
    return { offset, version: offset, stream: threadStream(threadId), type: "item.delta", at, epoch: 1, data } as LogEvent
  })
})

it("D2 D14 a thread is opened while it streams: text before, with and after its pages appears once", async () => {
  let toTab: (message: ToTab) => void = () => {}
  const calls = new Map<string, number>()
  let bothAsked: () => void = () => {}
  const asked = new Promise<void>((resolve) => (bothAsked = resolve))
  const port = {
    addEventListener: (_: "message", listener: (event: { readonly data: ToTab }) => void) =>
      (toTab = (data) => listener({ data })),
    start: () => {},
    postMessage: (message: ToHub) => {
      if (message.tag !== "call") return
      calls.set(message.call.name, message.id)
      if (calls.size === 2) bothAsked()
    }
  }
  vi.stubGlobal(
    "SharedWorker",
    class {
      readonly port = port
    }
  )
  vi.stubGlobal("window", { addEventListener: () => {} })
  vi.stubGlobal("document", { hidden: false, addEventListener: () => {} })
  vi.stubGlobal("requestAnimationFrame", (draw: () => void) => draw())
  const Store = await import("./Store.ts")
  const { fromSnapshot } = await import("@millrace/model/AppState")

  toTab({
    tag: "world",
    world: fromSnapshot({ logEpoch: "01", offset: 3, more: false, projects: [], threads: [], requests: [] })
  })
  const opening = Store.openThread(threadId)
  await asked
  toTab(deltas(4, 5))
  const items: PageOf<ItemView> = {
    items: [{ threadId, turnId, itemId, kind: "agent-message", status: "open", text: "3 4 " }],
    offset: 4
  }
  const turns: PageOf<TurnView> = { items: [], offset: 4 }
  toTab({ tag: "answer", id: calls.get("items") ?? 0, value: items })
  // The second page is read later: deltas between the two reads are in neither page.
  toTab(deltas(6))
  toTab({ tag: "answer", id: calls.get("turns") ?? 0, value: turns })
  await opening
  toTab(deltas(5, 6, 7))
  const opened = Store.current().threads.get(threadId)
  expect(opened?.state === "ready" && opened.transcript.items.get(itemId)?.value.text).toBe("3 4 5 6 7 ")
  expect(Store.current().tail.map(({ offset }) => offset)).toEqual([4, 5, 6, 7])
  vi.unstubAllGlobals()
})
