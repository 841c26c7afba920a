import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { browser, log, open, pair, said, server, shown, threadOf } from "./support/Browser.ts"

it.scopedLive(
  "D2 T13 a newcomer gets an answer by one click; an approval that one device answers is settled on the other; the page has the log's text",
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
        await page.getByText("Nothing waits for you.").waitFor()
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

it.scopedLive("D2 D14 a reload in mid-item, and a second tab, show everything of it once", () =>
  Effect.gen(function* () {
    const [chrome, millrace] = yield* Effect.all([browser, server], { concurrency: 2 })
    const { complaints, context, page } = yield* pair(chrome, millrace, "laptop")
    yield* Effect.promise(async () => {
      await page.getByLabel("Prompt").fill("[[deltas 120 25]]")
      await page.keyboard.press("Enter")
      await page.getByText("d20 ").waitFor()
      await page.reload()
      await page.getByText("d60 ").waitFor()
    })
    const second = yield* open(context, page.url())
    yield* Effect.promise(() => Promise.all([page, second.page].map((one) => one.locator(".turn-end").waitFor())))
    const expected = said(yield* log(millrace), threadOf(page.url()))
    expect(Object.values(expected).flat()).toContain(Array.from({ length: 120 }, (_, at) => `d${at + 1} `).join(""))
    expect(yield* shown(page)).toEqual(expected)
    expect(yield* shown(second.page)).toEqual(expected)
    expect([...complaints, ...second.complaints]).toEqual([])
  })
)
