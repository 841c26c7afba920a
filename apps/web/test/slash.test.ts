import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { scan } from "./support/Axe.ts"
import { browser, log, pair, server } from "./support/Browser.ts"
import { fits, phone } from "./support/Phone.ts"

it.scopedLive(
  "X1 slash commands of the agent are completed by the keyboard and by touch; items of a sub-agent are nested; the header has the agent's report; a turn is forked and retried; the palette finds what was said, and the focus returns",
  () =>
    Effect.gen(function* () {
      const [chrome, millrace] = yield* Effect.all([browser, server], { concurrency: 2 })
      const device = yield* pair(chrome, millrace, "phone", phone)
      const { complaints, page } = device
      const found: Array<string> = []
      const field = page.getByLabel("Prompt", { exact: true })
      const options = page.getByRole("listbox", { name: "Commands of the agent" }).getByRole("option")
      yield* Effect.promise(async () => {
        await page.getByText("Welcome to Millrace").waitFor()
        await field.fill("[[subagent look]] [[diff]] [[say done]]")
        await field.press("Enter")
        await page.locator(".turn-end").waitFor()
        expect(await page.locator(".row[data-depth='1'] .item").count()).toBe(2)
        await page.getByText("demo.txt").first().waitFor()
        // The header has no words of the server's sessions.
        expect(await page.locator(".thread-head").textContent()).not.toMatch(/session|fresh/)
        await field.pressSequentially("/")
        await options.nth(1).waitFor()
        expect(await options.locator("b").allTextContents()).toEqual(["/mode", "/help"])
        await field.press("ArrowDown")
        expect(await options.nth(1).getAttribute("aria-selected")).toBe("true")
        expect(await field.getAttribute("aria-activedescendant")).toBe(await options.nth(1).getAttribute("id"))
        await fits(page, "commands")
      })
      found.push(...(yield* scan(device, "commands")))
      yield* Effect.promise(async () => {
        // Enter chooses and does not send.
        await field.press("Enter")
        expect(await field.inputValue()).toBe("/help ")
        expect(await options.count()).toBe(0)
        await field.fill("/o")
        await options.first().waitFor()
        expect(await options.locator("b").allTextContents()).toEqual(["/mode"])
        await options.first().tap()
        expect(await field.inputValue()).toBe("/mode ")
        await field.fill("/h")
        await options.first().waitFor()
        await field.press("Escape")
        expect(await options.count()).toBe(0)
        expect(await page.locator(".turn-end").count()).toBe(1)
      })
      yield* Effect.promise(async () => {
        await field.fill("[[mode plan]] [[context 50000 200000]] [[limit weekly 80]] [[say reported]]")
        await field.press("Enter")
        const head = page.locator(".thread-head")
        for (const words of ["plan mode", "25% of context", "weekly 80%"]) await head.getByText(words, { exact: true }).waitFor()
        await page.locator(".turn-end").nth(1).waitFor()
        await fits(page, "report")
      })
      found.push(...(yield* scan(device, "report and turn buttons")))
      yield* Effect.promise(async () => {
        const source = page.url()
        const first = page.locator(".turn-end").first()
        const leave = (from: string) => page.waitForURL((url) => url.href !== from)
        await first.getByRole("button", { name: /^Fork here/ }).tap()
        await leave(source)
        await page.getByText("No messages yet.").waitFor()
        const fork = page.url()
        await page.goto(source)
        await first.getByRole("button", { name: /^Retry/ }).tap()
        await leave(source)
        expect(page.url()).not.toBe(fork)
        // The source has two turns.
        await page.locator(".turn-end").nth(1).waitFor({ state: "detached" })
        await page.locator(".turn-end").waitFor()
        await page.getByText("demo.txt").first().waitFor()
      })
      const made = (yield* log(millrace))
        .filter(({ type }) => type === "thread.created")
        .map(({ data }) => data as { forkedFrom?: object })
      expect(
        made.flatMap(({ forkedFrom }) =>
          forkedFrom === undefined ? [] : Object.keys(forkedFrom).filter((key) => key !== "threadId")
        )
      ).toEqual(["turnId", "before"])
      for (const [width, colorScheme] of [
        [390, "light"],
        [820, "dark"],
        [1440, "light"],
        [1440, "dark"]
      ] as const) {
        yield* Effect.promise(async () => {
          await page.setViewportSize({ width, height: 800 })
          await page.emulateMedia({ colorScheme })
          await field.focus()
          await page.keyboard.press("Control+k")
          const search = page.getByRole("combobox", { name: "Search what was said" })
          await search.fill("don")
          const hit = page.getByRole("option").filter({ has: page.locator("mark") })
          await hit.first().waitFor()
          expect(await hit.locator(".snippet").allTextContents()).toContain("done")
          expect(await hit.locator("mark").allTextContents()).toContain("done")
          expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width)
        })
        found.push(...(yield* scan(device, `palette ${width} ${colorScheme}`)))
        yield* Effect.promise(async () => {
          await page.keyboard.press("Escape")
          expect(await field.evaluate((node) => node === document.activeElement)).toBe(true)
        })
      }
      yield* Effect.promise(async () => {
        await page.keyboard.press("Control+k")
        await page.getByRole("combobox", { name: "Search what was said" }).fill("setti")
        await page.getByRole("option", { name: "Settings" }).waitFor()
        await page.keyboard.press("Enter")
        await page.getByRole("heading", { name: "Settings" }).waitFor()
        await page.locator("main").focus()
        await page.keyboard.press("?")
        await page.getByRole("dialog", { name: "Shortcuts" }).waitFor()
      })
      found.push(...(yield* scan(device, "shortcuts")))
      expect(found).toEqual([])
      expect(complaints).toEqual([])
    })
)
