import { expect, it } from "@effect/vitest"
import * as LongThread from "@millrace/testing/LongThread"
import { serve, temporaryDirectory } from "@millrace/testing/ServerProcess"
import { Effect } from "effect"
import type { CDPSession, Page } from "playwright-core"
import { browser, log, pair, post, said, shown } from "./support/Browser.ts"

const items = 50_000
const last = `itm_long_${items - 1}`

/** Seconds of the processor that the page's thread has used. */
const spent = async (session: CDPSession) =>
  (await session.send("Performance.getMetrics")).metrics.find(({ name }) => name === "ThreadTime")?.value ?? Number.NaN

/**
 * Scrolls by this many pixels in each frame, and returns the milliseconds of the processor that each frame costs. Its duration would depend on
 * what else the machine does.
 */
const scroll = async (page: Page, session: CDPSession, pixels: number, frames: number) => {
  const before = await spent(session)
  await page.locator(".rows").evaluate(
    async (rows, { frames, pixels }) => {
      const frame = () => new Promise<number>((done) => requestAnimationFrame(done))
      // A wheel event, because the page attributes a scroll without a gesture to the layout.
      rows.dispatchEvent(new WheelEvent("wheel", { deltaY: pixels }))
      for (let n = 0; n < frames; n++) {
        rows.scrollTop += pixels
        await frame()
      }
    },
    { pixels, frames }
  )
  return (((await spent(session)) - before) / frames) * 1000
}

/** To the oldest item, page by page: each jump asks for the next one. */
const toBeginning = (page: Page) =>
  page.locator(".rows").evaluate(async (rows) => {
    rows.dispatchEvent(new WheelEvent("wheel", { deltaY: -1 }))
    while (rows.querySelector('[data-item="itm_long_0"]') === null) {
      rows.scrollTop = 0
      await new Promise((done) => requestAnimationFrame(done))
    }
    rows.scrollTop = 0
  })

const nodes = (page: Page) => page.evaluate(() => document.querySelectorAll("*").length)
const heap = async (session: CDPSession) => {
  await session.send("HeapProfiler.collectGarbage")
  return (await session.send("Runtime.getHeapUsage")).usedSize / 1024 / 1024
}

/** The first row in view, and its distance from the top of the view. */
const firstInView = (page: Page) =>
  page.locator(".rows").evaluate((rows) => {
    const top = rows.getBoundingClientRect().top
    const all = [...rows.querySelectorAll("[data-item]")]
    const first = all.find((item) => item.getBoundingClientRect().top >= top)
    return { id: first?.getAttribute("data-item") ?? "", y: (first?.getBoundingClientRect().top ?? 0) - top }
  })

const placeOf = (page: Page, id: string) =>
  page
    .locator(".rows")
    .evaluate(
      (rows, id) =>
        (rows.querySelector(`[data-item="${id}"]`)?.getBoundingClientRect().top ?? Number.NaN) - rows.getBoundingClientRect().top,
      id
    )

it.scopedLive(
  "D10 D14 a thread of 50,000 items opens at its end, scrolls back to its beginning without a jump, costs the same per frame when fully loaded, and streams",
  () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryDirectory
      const write = LongThread.write({ dataDir, items, perTurn: 100, cwd: dataDir })
      const [chrome] = yield* Effect.all([browser, write], { concurrency: 2 })
      const millrace = yield* serve({ dataDir })
      const { complaints, context, page } = yield* pair(chrome, millrace, "laptop")
      const expected = said(yield* log(millrace), LongThread.threadId)
      expect(Object.keys(expected).length).toBe(items)
      const compare = Effect.map(shown(page), (here) => {
        expect(Object.keys(here).length).toBeGreaterThan(3)
        for (const [id, text] of Object.entries(here)) expect([id, text]).toEqual([id, expected[id]])
      })
      const session = yield* Effect.promise(() => context.newCDPSession(page))
      yield* Effect.promise(() => session.send("Performance.enable"))
      yield* Effect.promise(async () => {
        await page.goto(`${millrace.url}/#/thread/${LongThread.threadId}`)
        await page.locator(`[data-item="${last}"]`).waitFor()
      })
      yield* compare
      const [before, stays] = yield* Effect.promise(async () => {
        const small = { nodes: await nodes(page), heap: await heap(session), frame: await scroll(page, session, -40, 60) }
        // The view keeps its place when older items are added above it.
        const height = () => page.locator(".rows .canvas").evaluate((canvas) => canvas.clientHeight)
        const low = await height()
        await page.locator(".rows").evaluate((rows) => (rows.scrollTop = 600))
        const seen = await firstInView(page)
        await page.waitForFunction((low) => (document.querySelector(".rows .canvas")?.clientHeight ?? 0) > low + 5_000, low)
        await page.getByText("Reading older items").waitFor({ state: "detached" })
        return [small, { seen, y: await placeOf(page, seen.id) }] as const
      })
      expect(Math.abs(stays.y - stays.seen.y)).toBeLessThan(4)
      yield* compare
      const after = yield* Effect.promise(async () => {
        await toBeginning(page)
        return { frame: await scroll(page, session, 40, 60), nodes: await nodes(page), heap: await heap(session) }
      })
      yield* compare
      // Only rows near the viewport are in the document.
      expect(after.nodes).toBeLessThan(1_500)
      expect(after.heap - before.heap).toBeLessThan(150)
      expect(after.frame, `${before.frame} before`).toBeLessThan(before.frame * 2 + 5)
      // A new turn while the view is far away; one key returns to the newest item.
      yield* post(millrace, `/api/threads/${LongThread.threadId}/turns`, { text: "[[deltas 60 10]]" })
      yield* Effect.promise(async () => {
        await page.getByRole("button", { name: "Newest" }).click()
        await page.getByText("d60 ").waitFor()
        await page.getByRole("button", { name: "Newest" }).waitFor({ state: "detached" })
        await page.locator(".rows").focus()
        await page.keyboard.press("Home")
        await page.getByText("Prompt 0", { exact: true }).waitFor()
        await page.keyboard.press("End")
        await page.getByText("d60 ").waitFor()
        await page.locator(".badge.idle").waitFor()
      })
      const now = said(yield* log(millrace), LongThread.threadId)
      const here = yield* shown(page)
      for (const [id, text] of Object.entries(here)) expect([id, text]).toEqual([id, now[id]])
      expect(Object.values(here).flat()).toContain(Array.from({ length: 60 }, (_, at) => `d${at + 1} `).join(""))
      expect(complaints).toEqual([])
    })
)
