import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { browser, log, pair, post, server } from "./support/Browser.ts"

it.scopedLive("D2 L11 unarchived threads are in the list, with the events of the same batch", () =>
  Effect.gen(function* () {
    const [chrome, millrace] = yield* Effect.all([browser, server], { concurrency: 2 })
    let commands = 0
    const send = (type: string, body: object) =>
      post<{ readonly threadId: string }>(millrace, "/api/commands", { commandId: `archive-${++commands}`, type, ...body })
    const ids: Array<string> = []
    for (let n = 0; n < 20; n++) {
      const { threadId } = yield* send("thread.create", { provider: "demo", title: `old ${n}` })
      yield* send("thread.archive", { threadId })
      ids.push(threadId)
    }
    // This browser's snapshot has none of them.
    const { complaints, page } = yield* pair(chrome, millrace, "laptop")
    yield* Effect.promise(async () => {
      await page.locator(".connection.live").waitFor()
      await page.getByText("No threads yet.").waitFor()
    })
    for (const [n, threadId] of ids.entries()) {
      yield* send("thread.unarchive", { threadId })
      yield* send("thread.rename", { threadId, title: `back ${n}` })
    }
    const { length } = yield* log(millrace)
    const titles = page.locator(".rail .threads .title")
    yield* Effect.promise(() => page.locator(".foot .offset").getByText(String(length), { exact: true }).waitFor())
    expect((yield* Effect.promise(() => titles.allTextContents())).toSorted()).toEqual(ids.map((_, n) => `back ${n}`).toSorted())
    expect(complaints).toEqual([])
  })
)
