/** Accessibility: a scan of every view in both colour themes and both sizes, and an approval answered with the keyboard alone. */
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Page } from "playwright-core"
import { scan } from "./support/Axe.ts"
import { browser, log, open, pair, post, said, server, shown, threadOf } from "./support/Browser.ts"

const views: ReadonlyArray<readonly [path: string, words: RegExp]> = [
  ["", /Everything/],
  ["requests", /Asks you/],
  ["log", /thread\.created/],
  ["agents", /demo/],
  ["sessions", /Last activity/],
  ["settings", /Devices and tokens/]
]

it.scopedLive("X1 every view, light and dark, desktop and phone: an accessibility scan finds nothing serious", () =>
  Effect.gen(function* () {
    const [chrome, millrace] = yield* Effect.all([browser, server], { concurrency: 2 })
    const begin = (title: string, text: string) =>
      Effect.map(
        post<{ readonly threadId: string }>(millrace, "/api/threads", { provider: "demo", title, turn: { text } }),
        ({ threadId }) => `thread/${threadId}`
      )
    const full = yield* begin(
      "Everything",
      "[[think Hm.]] [[plan One; Two]] [[say # Title\n\nA [link](https://example.org), `code`, **bold**.\n\n```ts\nconst a = 1 // b\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] done\n\n> said]] [[run echo yes]] [[hang]]"
    )
    yield* post(millrace, `/api/threads/${full.slice("thread/".length)}/turns`, { text: "waits" })
    const failed = yield* begin("Failed", "[[say a]] [[fail It broke]]")
    const asks = yield* begin("Question", "[[ask Which colour?]]")
    const all = [...views, [full, /Wants to run/], [failed, /It broke/], [asks, /Which colour/]] as const
    const found: Array<string> = []
    // Each view in both colour themes and both sizes.
    for (const [colorScheme, width] of [
      ["light", 1280],
      ["dark", 390]
    ] as const) {
      const options = {
        colorScheme,
        viewport: { width, height: 800 },
        ...(width === 390 && { isMobile: true, hasTouch: true })
      }
      const device = yield* pair(chrome, millrace, `${colorScheme}-${width}`, options)
      const { page } = device
      for (const [path, words] of all) {
        yield* Effect.promise(async () => {
          await page.goto(`${millrace.url}/#/${path}`)
          await page.getByText(words).first().waitFor()
          if (path === "log") await page.locator("button.line").last().click()
          if (path === "settings") await page.getByRole("button", { name: "Create a link" }).click()
          if (path === "settings") await page.getByRole("img", { name: "QR code" }).waitFor()
        })
        found.push(...(yield* scan(device, `${colorScheme} ${width} ${path}`)))
      }
      // A chosen theme wins over that of the system.
      const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
      yield* Effect.promise(async () => {
        await page.goto(`${millrace.url}/#/settings`)
        const system = await ground()
        const choose = (look: string) => page.getByRole("button", { name: look, exact: true }).click()
        await choose(colorScheme === "dark" ? "light" : "dark")
        expect(await ground()).not.toBe(system)
        await choose(colorScheme)
        expect(await ground()).toBe(system)
      })
      expect(device.complaints).toEqual([])
    }
    const context = yield* Effect.acquireRelease(
      Effect.promise(() => chrome.newContext()),
      (one) => Effect.promise(() => one.close())
    )
    const guest = yield* open(context, millrace.url)
    yield* Effect.promise(() => guest.page.getByText("This browser is not paired").waitFor())
    found.push(...(yield* scan(guest, "unpaired")))
    expect(found).toEqual([])
  })
)

/** Presses Tab until the element with this name has the focus, which must be visible. */
const tabTo = async (page: Page, name: string, key = "Tab") => {
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press(key)
    const now = await page.evaluate(() => {
      const at = document.activeElement
      // A prompt shows the focus at its edge, which its text has not.
      const shown = at?.closest(".prompt") !== null && at?.tagName === "TEXTAREA" ? at.closest(".prompt") : at
      const style = shown instanceof Element ? getComputedStyle(shown) : undefined
      const label = at?.getAttribute("aria-label") ?? at?.textContent ?? ""
      return { label: label.trim(), seen: style !== undefined && (style.outlineStyle !== "none" || style.boxShadow !== "none") }
    })
    if (now.label !== name) continue
    expect([name, now.seen]).toEqual([name, true])
    return
  }
  throw new Error(`No way to ${name} by ${key}`)
}

it.scopedLive("T13 from the first page to an answered approval by keyboard only, with the focus visible", () =>
  Effect.gen(function* () {
    const [chrome, millrace] = yield* Effect.all([browser, server], { concurrency: 2 })
    const { complaints, page } = yield* pair(chrome, millrace, "keys")
    yield* Effect.promise(async () => {
      await page.getByText("Welcome to Millrace").waitFor()
      await page.locator("body").press("Tab")
      // Tab moves from the field to the button next to it.
      expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe("Attach files")
      await tabTo(page, "Prompt")
      await page.keyboard.type("[[run printf 'by keys']] [[say Thank you]]")
      await page.keyboard.press("Enter")
      await page.getByRole("button", { name: "Accept", exact: true }).waitFor()
      await tabTo(page, "Accept", "Shift+Tab")
      await page.keyboard.press("Enter")
      await page.locator(".turn-end.completed").waitFor()
    })
    const events = yield* log(millrace)
    expect(events.find(({ type }) => type === "request.answered")?.data).toMatchObject({ by: "keys", decision: "accept" })
    const expected = said(events, threadOf(page.url()))
    expect(Object.values(expected).flat()).toContain("by keys")
    expect(yield* shown(page)).toEqual(expected)
    expect(complaints).toEqual([])
  })
)
