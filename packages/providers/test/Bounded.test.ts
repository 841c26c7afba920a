/** The state that adapters keep for items and tools that an agent never ends is bounded. */
import { describe, expect, it } from "@effect/vitest"
import { TokenCounter } from "../src/claude/TokenCounter.ts"
import * as RunningWork from "../src/codex/RunningWork.ts"

describe("the memory of an adapter", () => {
  it("R7 Claude: the usage of a turn is exact over any number of messages, and each report summarises 16 of them", () => {
    const counts = new TokenCounter()
    const tokens = { input_tokens: 2, output_tokens: 1 }
    let usage = counts.report("m0", tokens)
    for (let n = 0; n < 5000; n++) {
      counts.report(`m${n}`, tokens)
      usage = counts.report(`m${n}`, { output_tokens: 3 })
    }
    expect(usage).toMatchObject({ inputTokens: 10_000, outputTokens: 15_000, totalTokens: 25_000 })
    expect(counts.size).toBe(16)
  })

  it("R7 Codex: of commands that never end the newest 256 are known, over all turns", () => {
    const live = RunningWork.make()
    for (let n = 0; n < 2000; n++)
      live.note([
        {
          _tag: "ItemStarted",
          nativeTurnId: `t${n % 2}`,
          nativeItemId: `c${n}`,
          kind: "command",
          content: { command: "sleep 9" }
        }
      ])
    const [even, odd] = [live.commandsOf("t0"), live.commandsOf("t1")]
    expect([even.size, odd.size]).toEqual([128, 128])
    expect([...even, ...odd].map((id) => Number(id.slice(1))).every((n) => n >= 2000 - 256)).toBe(true)
    live.note([
      { _tag: "ItemCompleted", nativeTurnId: "t1", nativeItemId: "c1999", kind: "command", status: "completed", content: {} }
    ])
    expect(live.commandsOf("t1").has("c1999")).toBe(false)
    expect(live.commandsOf("t1").size).toBe(127)
  })
})
