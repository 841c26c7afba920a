/** An agent that is not signed in: the page says what to run, and sends the prompt again. */
import { expect, it } from "@effect/vitest"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { scan } from "./support/Axe.ts"
import { browser, log, pair, post, server } from "./support/Browser.ts"

it.scopedLive("T19 the card names the command, and its acceptance sends the prompt again", () =>
  Effect.gen(function* () {
    const [chrome, millrace] = yield* Effect.all([browser, server], { concurrency: 2 })
    const device = yield* pair(chrome, millrace, "laptop")
    const { page } = device
    const cwd = yield* temporaryDirectory
    const create = { provider: "demo", cwd, turn: { text: "[[auth]] [[say hello]]" } }
    const { threadId } = yield* post<{ readonly threadId: string }>(millrace, "/api/threads", create)
    const card = page.getByRole("region", { name: "Request: Sign in to demo" })
    yield* Effect.promise(async () => {
      await page.goto(`${millrace.url}/#/thread/${threadId}`)
      await card.waitFor()
      expect(await card.locator("pre").textContent()).toBe("touch signed-in")
      expect(await card.getByRole("button", { name: "Copy" }).isVisible()).toBe(true)
    })
    const found = yield* scan(device, "sign-in")
    writeFileSync(join(cwd, "signed-in"), "")
    yield* Effect.promise(async () => {
      await card.getByRole("button", { name: "Signed in: send the prompt again" }).click()
      await page.locator(".item-agent-message", { hasText: "hello" }).waitFor()
    })
    const prompts = (yield* log(millrace)).filter(({ type }) => type === "turn.requested").map(({ data }) => data)
    expect(prompts).toMatchObject([{ text: create.turn.text }, { text: create.turn.text, continues: { because: "sign-in" } }])
    expect(found).toEqual([])
  })
)
