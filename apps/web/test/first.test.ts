import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Page } from "playwright-core"
import { browser, log, open, pair, post, said, server, shown, threadOf } from "./support/Browser.ts"

it.scopedLive(
  "D2 T13 a new user gets an answer with one click; an approval that one device answers is settled on the other; the page has the log's text",
  () =>
    Effect.gen(function* () {
      const [chrome, millrace] = yield* Effect.all([browser, server], { concurrency: 2 })
      const laptop = yield* pair(chrome, millrace, "laptop")
      const phone = yield* pair(chrome, millrace, "phone", { viewport: { width: 390, height: 780 } })
      const { page } = laptop
      yield* Effect.promise(async () => {
        await page.getByRole("button", { name: "Say hello" }).click()
        await page.locator(".turn-end").waitFor()
        await page
          .getByLabel("Prompt")
          .fill("[[think Let me see.]] [[run printf 'one\\ntwo\\n']] [[say **done**, `all` of it\n\n- a\n- b]]")
        await page.keyboard.press("Enter")
        await page.getByRole("button", { name: "Accept", exact: true }).waitFor()
        // On the phone the same request, answered there first.
        await phone.page.goto(page.url())
        await phone.page.getByRole("button", { name: "Accept", exact: true }).click()
        await page.locator(".turn-end").nth(1).waitFor()
        await phone.page.locator(".turn-end").nth(1).waitFor()
        await page.getByRole("link", { name: "Requests" }).click()
        await page.getByText("accept, answered by phone").waitFor()
        await page.getByText("No open requests.").waitFor()
        await page.goBack()
        await page.locator(".turn-end").nth(1).waitFor()
      })
      const expected = said(yield* log(millrace), threadOf(page.url()))
      expect(Object.values(expected).flat()).toContain("**done**, `all` of it\n\n- a\n- b")
      expect(Object.values(expected).flat()).toContain("one\ntwo\n")
      expect(yield* shown(page)).toEqual(expected)
      expect(yield* shown(phone.page)).toEqual(expected)
      // The whole page fits a phone.
      expect(yield* Effect.promise(() => phone.page.evaluate(() => document.documentElement.scrollWidth))).toBe(390)
      expect([...laptop.complaints, ...phone.complaints]).toEqual([])
    })
)

/** The text of a message of this many deltas. */
const deltas = (count: number) => Array.from({ length: count }, (_, at) => `d${at + 1} `).join("")

it.scopedLive("D2 D14 a reload in mid-item, and a second tab, show the whole item once, while it runs and after it ended", () =>
  Effect.gen(function* () {
    const [chrome, millrace] = yield* Effect.all([browser, server], { concurrency: 2 })
    const { complaints, context, page } = yield* pair(chrome, millrace, "laptop")
    yield* Effect.promise(async () => {
      await page.getByLabel("Prompt").fill("[[deltas 100000 25]]")
      await page.keyboard.press("Enter")
      await page.getByText("d20 ").waitFor()
      await page.reload()
      await page.getByText("d60 ").waitFor()
    })
    // Events between the openings of the two tabs are part of the second tab's first state.
    const rename = { commandId: "between", type: "thread.rename", threadId: threadOf(page.url()), title: "Counts" }
    yield* post(millrace, "/api/commands", rename)
    const isRenamed = (tab: Page) => tab.getByRole("heading", { name: "Counts" }).waitFor()
    yield* Effect.promise(() => isRenamed(page))
    const second = yield* open(context, page.url())
    const tabs = [page, second.page]
    yield* Effect.promise(() => isRenamed(second.page))
    yield* Effect.promise(() => Promise.all(tabs.map((one) => one.getByText("d120 ").waitFor())))
    // The end of the item brings the whole text. Until then each tab has only the text that it folded.
    for (const tab of tabs) {
      const text =
        Object.values(yield* shown(tab))
          .flat()
          .find((one) => one.startsWith("d1 ")) ?? ""
      expect(text).toBe(deltas(text.split(" ").length - 1))
    }
    yield* Effect.promise(async () => {
      // Both list the running thread, and the second tab can end it.
      for (const tab of tabs) {
        await tab.locator(".thread-head .badge.running").waitFor()
        expect(await tab.locator(".rail .threads .dot.running").count()).toBe(1)
      }
      await second.page.getByRole("button", { name: "Interrupt" }).click()
      for (const tab of tabs) await tab.locator(".turn-end.interrupted").waitFor()
      for (const tab of tabs) await tab.locator(".rail .threads .dot.running").waitFor({ state: "detached" })
    })
    const expected = said(yield* log(millrace), threadOf(page.url()))
    expect(
      Object.values(expected)
        .flat()
        .some((text) => text.startsWith(deltas(120)))
    ).toBe(true)
    for (const tab of tabs) expect(yield* shown(tab)).toEqual(expected)
    expect([...complaints, ...second.complaints]).toEqual([])
  })
)
