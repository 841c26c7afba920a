import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { browser, pair, post, server } from "./support/Browser.ts"

it.scopedLive("the log page shows what the log takes, and its largest threads with links", () =>
  Effect.gen(function* () {
    const [chrome, millrace] = yield* Effect.all([browser, server], { concurrency: 2 })
    const create = (id: string, title: string) =>
      post<{ readonly threadId: string }>(millrace, "/api/commands", {
        commandId: id,
        type: "thread.create",
        provider: "demo",
        title
      })
    const { threadId } = yield* create("disk-1", "the large one")
    yield* create("disk-2", "the small one")
    for (let n = 0; n < 20; n++)
      yield* post(millrace, "/api/commands", {
        commandId: `rename-${n}`,
        type: "thread.rename",
        threadId,
        title: n % 2 === 0 ? "another title" : "the large one"
      })
    const { complaints, page } = yield* pair(chrome, millrace, "laptop")
    yield* Effect.promise(async () => {
      await page.locator(".connection.live").waitFor()
      await page.goto(`${new URL(page.url()).origin}/#/log`)
      await page.getByRole("button", { name: "Disk" }).click()
      await page.getByRole("link", { name: "the small one" }).last().waitFor()
    })
    const panel = page.getByRole("region", { name: "Use of the disk" })
    const names = yield* Effect.promise(() => panel.locator("th").allTextContents())
    expect(names).toEqual([
      "File",
      "Compressed events",
      "Large values",
      "Free in the file",
      "Free on the disk",
      "Days until full"
    ])
    expect(yield* Effect.promise(() => panel.locator("td").first().textContent())).toMatch(/^[\d.]+ (KiB|MiB)$/)
    const links = panel.getByRole("link")
    expect(yield* Effect.promise(() => links.allTextContents())).toEqual(["the large one", "the small one"])
    yield* Effect.promise(async () => {
      await links.first().click()
      await page.waitForURL((url) => url.hash.includes(threadId))
    })
    expect(complaints).toEqual([])
  })
)
