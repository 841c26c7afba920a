/** On a narrow, wide or growing page, changes, plans, options and the end of the transcript stay in view. */
import { expect, it } from "@effect/vitest"
import { serve, temporaryDirectory } from "@millrace/testing/ServerProcess"
import { Effect } from "effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Page } from "playwright-core"
import { browser, log, open, pair, post, threadOf } from "./support/Browser.ts"

const editor = join(import.meta.dirname, "support/editor.mjs")

/** A server with the demo agent and one that changes files. */
const serving = Effect.gen(function* () {
  const dataDir = yield* temporaryDirectory
  const providers = { editor: { kind: "acp", command: process.execPath, args: [editor] } }
  writeFileSync(join(dataDir, "millrace.config.json"), JSON.stringify({ providers }))
  return yield* serve({ dataDir })
})

/** Directory for screenshots for people; without it none are taken. */
const shots = process.env["MILLRACE_SHOTS"]
const shot = async (page: Page, name: string) => {
  if (shots !== undefined) await page.screenshot({ path: join(shots, `${name}.png`) })
}

/** Left and right edge of each match, in pixels of the viewport. */
const edges = (page: Page, selector: string) =>
  page
    .locator(selector)
    .evaluateAll((nodes) => nodes.map((node) => node.getBoundingClientRect()).map(({ left, right }) => [left, right]))

/** Pixels of the transcript below the view. */
const below = (page: Page) =>
  page.locator(".rows").evaluate(
    (rows) =>
      new Promise<number>((resolve) => {
        requestAnimationFrame(() => requestAnimationFrame(() => resolve(rows.scrollHeight - rows.scrollTop - rows.clientHeight)))
      })
  )

it.scopedLive(
  "T11 T13 D14 a change is readable on a phone and on a desktop, the plan is updated, the pressed option arrives, and the end stays in view",
  () =>
    Effect.gen(function* () {
      const [chrome, millrace] = yield* Effect.all([browser, serving], { concurrency: 2 })
      const phone = yield* pair(chrome, millrace, "phone", {
        viewport: { width: 390, height: 780 },
        isMobile: true,
        hasTouch: true
      })
      const desk = yield* pair(chrome, millrace, "desk", { viewport: { width: 1440, height: 900 } })
      let commands = 0
      const give = (type: string, body: object) =>
        post<{ readonly threadId: string }>(millrace, "/api/commands", { commandId: `edges-${++commands}`, type, ...body })
      const begin = (provider: string, text: string) => give("thread.create", { provider, cwd: millrace.dataDir, turn: { text } })
      const at = (threadId: string) => `${millrace.url}/#/thread/${threadId}`

      const { threadId } = yield* begin("editor", "edit")
      yield* Effect.promise(async () => {
        for (const { page } of [phone, desk]) {
          await page.goto(at(threadId))
          await page.locator("section.request .diff .new").first().waitFor()
          await page.locator(".plan-now").getByText("0 of 2").waitFor()
          expect(await page.locator(".plan-now .current").textContent()).toBe("Edit the file")
        }
        await shot(phone.page, "approval-390")
        await shot(desk.page, "approval-1440")
        // One column: both texts are on the screen at the same time.
        for (const side of ["old", "new"]) {
          const boxes = await edges(phone.page, `section.request .diff td.${side}`)
          expect(boxes.length).toBe(6)
          for (const [left = -1, right = 391] of boxes)
            expect([left >= 0, right <= 390, right - left > 200]).toEqual([true, true, true])
        }
        // Side by side: a gutter of 44 pixels before each, and halves of the same width.
        const cells = await edges(desk.page, "section.request .diff tr:nth-child(2) td")
        const [gutter, old, second, now] = cells.map(([left = 0, right = 0]) => Math.round(right - left))
        expect([gutter, second]).toEqual([44, 44])
        expect(Math.abs((old ?? 0) - (now ?? 0))).toBeLessThanOrEqual(1)
        await desk.page.getByRole("button", { name: "Allow once" }).click()
        for (const { page } of [phone, desk]) await page.locator(".plan-now").getByText("1 of 2").waitFor()
        expect(await phone.page.locator(".plan-now .current").textContent()).toBe("Run the tests")
        await desk.page.locator(".plan-now summary").click()
        expect(await desk.page.locator(".plan-now li").allTextContents()).toEqual(["Edit the file", "Run the tests"])
        await shot(desk.page, "plan-1440")
      })

      const chosen = yield* begin("demo", "[[choose Which? | One | Two]]")
      yield* Effect.promise(async () => {
        await desk.page.goto(at(chosen.threadId))
        const two = desk.page.getByRole("button", { name: "Two", exact: true })
        await two.waitFor()
        await desk.page.getByRole("button", { name: "One", exact: true }).waitFor()
        await shot(desk.page, "choose-1440")
        await two.click()
        await desk.page.getByText("You chose: Two").waitFor()
        // The question and its answer stay in the transcript, where it was asked; also after a reload.
        const trace = async () => {
          await desk.page.locator(".rows .turn-end").waitFor()
          const rows = await desk.page.locator(".rows .row").allTextContents()
          expect(rows.findIndex((text) => text.startsWith("Which?Two, answered by "))).toBe(2)
          expect(rows[3]).toBe("You chose: Two")
        }
        await trace()
        await desk.page.reload()
        await trace()
        await shot(desk.page, "trace-1440")
      })
      const answered = (yield* log(millrace)).filter(
        ({ stream, type }) => type === "request.answered" && stream === `thread/${chosen.threadId}`
      )
      expect(answered.map(({ data }) => data)).toMatchObject([{ optionId: "o2" }])

      const long = yield* begin("demo", "[[deltas 1500 0]] [[deltas 100000 25]]")
      const ends = async (page: Page) => expect(await below(page)).toBeLessThanOrEqual(1)
      for (const { page } of [phone, desk]) yield* Effect.promise(() => page.goto(at(long.threadId)))
      for (const { page } of [phone, desk]) yield* Effect.promise(() => page.getByText("d1500 ").waitFor())
      // The queue grows the dock, and so takes height from the transcript, while text is added.
      for (let n = 1; n <= 4; n++) {
        yield* give("turn.start", { threadId: long.threadId, text: `queued ${n}`, strategy: "enqueue" })
        for (const { page } of [phone, desk])
          yield* Effect.promise(async () => {
            await page
              .locator(".queue li")
              .nth(n - 1)
              .waitFor()
            await ends(page)
          })
      }
      yield* Effect.promise(async () => {
        await shot(desk.page, "queue-1440")
        // A person's wheel leaves the end, and added text does not move the view back.
        await desk.page.locator(".rows").hover()
        await desk.page.mouse.wheel(0, -400)
        await desk.page.waitForFunction(() => {
          const rows = document.querySelector(".rows")
          return rows !== null && rows.scrollHeight - rows.scrollTop - rows.clientHeight > 200
        })
        const before = await desk.page.locator(".rows").evaluate((rows) => rows.scrollHeight)
        await desk.page.waitForFunction((height) => (document.querySelector(".rows")?.scrollHeight ?? 0) > height, before)
        expect(await below(desk.page)).toBeGreaterThan(200)
        // Back at the end the view follows again.
        await desk.page.mouse.wheel(0, 100_000)
        await desk.page.waitForFunction(() => {
          const rows = document.querySelector(".rows")
          return rows !== null && rows.scrollHeight - rows.scrollTop - rows.clientHeight <= 1
        })
        const then = await desk.page.locator(".rows").evaluate((rows) => rows.scrollHeight)
        await desk.page.waitForFunction((height) => (document.querySelector(".rows")?.scrollHeight ?? 0) > height, then)
        await ends(desk.page)
      })
      // Archiving a busy thread asks first.
      yield* Effect.promise(async () => {
        const archive = phone.page.getByRole("button", { name: "Archive", exact: true })
        const confirm = phone.page.getByRole("alertdialog", { name: "Archive this thread?" })
        await archive.tap()
        await confirm.getByText("A turn is running").waitFor()
        await shot(phone.page, "archive-390")
        const box = await confirm.boundingBox()
        expect([(box?.x ?? -1) >= 0, (box?.x ?? 0) + (box?.width ?? 391) <= 390]).toEqual([true, true])
        await confirm.getByRole("button", { name: "Keep" }).tap()
        await confirm.waitFor({ state: "detached" })
      })
      expect((yield* log(millrace)).filter(({ type }) => type === "thread.archived")).toEqual([])
      yield* Effect.promise(async () => {
        await phone.page.getByRole("button", { name: "Archive", exact: true }).tap()
        await phone.page.getByRole("button", { name: "Archive anyway" }).tap()
        await phone.page.getByText("This thread is archived").waitFor()
      })
      yield* give("turn.interrupt", { threadId: long.threadId })
      expect(threadOf(desk.page.url())).toBe(long.threadId)
      for (const { complaints } of [phone, desk]) expect(complaints).toEqual([])
    })
)

it.scopedLive("C2 D2 a message written without a connection is shown as waiting, survives a reload, and is accepted once", () =>
  Effect.gen(function* () {
    const [chrome, dataDir] = yield* Effect.all([browser, temporaryDirectory], { concurrency: 2 })
    const first = yield* serve({ dataDir })
    const { context, page } = yield* pair(chrome, first, "laptop")
    yield* Effect.promise(async () => {
      await page.getByLabel("Prompt").fill("[[say one]]")
      await page.keyboard.press("Enter")
      await page.locator(".turn-end").waitFor()
    })
    const url = page.url()
    yield* first.kill("SIGKILL")
    yield* first.ended
    yield* Effect.promise(async () => {
      await page.getByText("No connection. You see the last known state").waitFor()
      const waits = page.getByRole("region", { name: "Not sent yet" })
      for (const [at, text] of ["[[say two]]", "[[say three]]"].entries()) {
        await page.getByLabel("Prompt").fill(text)
        await page.keyboard.press("Enter")
        await waits.locator("li").nth(at).getByText(text).waitFor()
      }
      await shot(page, "waiting")
      // The last tab: the hub and its outbox end with it.
      await page.close()
    })
    const second = yield* serve({ dataDir, port: new URL(first.url).port })
    const again = yield* open(context, url)
    yield* Effect.promise(async () => {
      await again.page.locator(".turn-end").nth(2).waitFor()
      await again.page.getByRole("region", { name: "Not sent yet" }).waitFor({ state: "detached" })
      expect(await again.page.evaluate(() => localStorage.getItem("millrace.waiting"))).toBe(null)
    })
    const asked = (yield* log(second)).flatMap(({ data, type }) =>
      type === "turn.requested" && "text" in (data as object) ? [data] : []
    )
    expect(asked).toMatchObject([{ text: "[[say one]]" }, { text: "[[say two]]" }, { text: "[[say three]]" }])
  })
)
