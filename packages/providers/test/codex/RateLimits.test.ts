import * as Mapping from "../../src/codex/Mapping.ts"
import { expect, it } from "vitest"

const threadId = "native"
const limits = (primary: unknown, secondary: unknown = null) => ({ rateLimits: { limitId: "codex", primary, secondary } })
const turn = (status: string, error: unknown = null) => ({ threadId, turn: { id: "t1", status, items: [], error } })

const failed = (updates: ReadonlyArray<unknown>, codexErrorInfo = "usageLimitExceeded") => {
  const mapping = Mapping.make(threadId)
  mapping.notification("turn/started", turn("inProgress"))
  for (const update of updates)
    expect(mapping.notification("account/rateLimits/updated", update)).toMatchObject([{ _tag: "Signal", kind: "agent" }])
  const [ended] = mapping.notification("turn/completed", turn("failed", { message: "no more", codexErrorInfo }))
  return ended
}

it("T11 a usage limit of Codex has its end time: that of the last exhausted window, from sparse updates; other failures have none", () => {
  const used = { usedPercent: 100, resetsAt: 1_800_000_000 }
  const later = { usedPercent: 100, resetsAt: 1_800_003_600 }
  const free = { usedPercent: 40, resetsAt: 1_900_000_000 }
  const iso = (seconds: number) => new Date(seconds * 1000).toISOString()
  expect(failed([limits(used, free)])).toMatchObject({ error: { kind: "limit", resetAt: iso(1_800_000_000) } })
  expect(failed([limits(used, free), limits(null, later)])).toMatchObject({ error: { resetAt: iso(1_800_003_600) } })
  for (const ended of [failed([]), failed([limits(null)]), failed([limits(free)]), failed([limits(used)], "serverOverloaded")])
    expect(ended).not.toHaveProperty("error.resetAt")
})
