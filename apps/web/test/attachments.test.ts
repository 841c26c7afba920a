/** Attachments on the page: chosen, pasted and dropped, sent with every kind of message, and shown in the transcript. */
import { expect, it } from "@effect/vitest"
import { hash } from "@millrace/testing/Shot"
import { Effect } from "effect"
import { createHash } from "node:crypto"
import type { Page } from "playwright-core"
import { scan } from "./support/Axe.ts"
import { browser, log, pair, post, server } from "./support/Browser.ts"
import { choose, give, notes, shot } from "./support/Files.ts"
import { fits, phone } from "./support/Phone.ts"

const notesHash = createHash("sha256").update(notes.buffer).digest("hex")
const draft = (page: Page) => page.getByRole("list", { name: "Attachments of this message" })
/** Whether the image is loaded and shown. */
const isShown = (page: Page, selector: string) =>
  page.waitForFunction((selector) => (document.querySelector<HTMLImageElement>(selector)?.naturalWidth ?? 0) > 0, selector)

it.scopedLive(
  "T12 D14 files are chosen, pasted and dropped, uploaded once, kept over a reload, and sent with start, queue and steer",
  () =>
    Effect.gen(function* () {
      const [chrome, millrace] = yield* Effect.all([browser, server], { concurrency: 2 })
      const device = yield* pair(chrome, millrace, "laptop")
      const { complaints, page } = device
      let uploads = 0
      page.on("request", (request) => {
        if (request.method() === "POST" && request.url().endsWith("/api/blobs")) uploads++
      })
      const field = page.getByLabel("Prompt", { exact: true })
      const found: Array<string> = []
      yield* Effect.promise(async () => {
        await page.getByText("Welcome to Millrace").waitFor()
        await choose(page, shot, notes)
        await draft(page).getByRole("button", { name: "Open shot.png" }).waitFor()
        await draft(page)
          .getByRole("link", { name: /notes\.txt/ })
          .waitFor()
        expect(uploads).toBe(2)
        // A reload keeps what is uploaded.
        await page.reload()
        await isShown(page, ".attachments.draft img")
        await draft(page)
          .getByRole("link", { name: /notes\.txt/ })
          .waitFor()
      })
      found.push(...(yield* scan(device, "draft")))
      yield* Effect.promise(async () => {
        // An empty text with attachments is a message.
        await field.press("Enter")
        await page.getByRole("heading", { name: "shot.png" }).waitFor()
        await page.locator(".turn-end").waitFor()
        await isShown(page, ".item-user-message .thumbnail img")
        expect(await page.locator(".item-user-message a.file").getAttribute("href")).toBe(`/api/blobs/${notesHash}`)
        expect(await draft(page).count()).toBe(0)
      })
      found.push(...(yield* scan(device, "prompt with attachments")))
      yield* Effect.promise(async () => {
        // The thumbnail opens in full by the keyboard, and gets the focus back.
        const thumbnail = page.getByRole("button", { name: "Open shot.png" })
        await thumbnail.press("Enter")
        await page.getByRole("dialog", { name: "shot.png" }).waitFor()
        await isShown(page, "dialog.viewer img")
      })
      found.push(...(yield* scan(device, "image in full")))
      yield* Effect.promise(async () => {
        await page.keyboard.press("Escape")
        await page.getByRole("dialog").waitFor({ state: "detached" })
        expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe("Open shot.png")
        // Pasted, dropped, removed. The content is on the server: nothing is uploaded again in this page's life, which began with the reload.
        uploads = 0
        await give(field, "paste", shot)
        await draft(page).getByRole("button", { name: "Open shot.png" }).waitFor()
        await give(field, "drop", shot)
        await draft(page).getByRole("button", { name: "Open shot-2.png" }).waitFor()
        expect(uploads).toBe(1)
        await draft(page).getByRole("button", { name: "Remove shot.png" }).click()
        // Copied from an office program: the text is pasted, not its picture.
        await give(field, "paste", shot, "some cells")
        expect(await draft(page).getByRole("listitem").count()).toBe(1)
        await field.fill("[[image]] [[sleep 600000]]")
        await field.press("Enter")
        await page.locator(".badge.running").first().waitFor()
        // Now a file goes from the agent to the person.
        await isShown(page, ".item:not(.item-user-message) .thumbnail img")
        // Queued, edited, and as a steer that this agent cannot take: it waits too.
        await give(field, "paste", shot)
        await draft(page).getByRole("button", { name: "Open shot.png" }).waitFor()
        await field.press("Enter")
        await page.locator(".queue .thumbnail").waitFor()
        await choose(page, notes)
        await draft(page)
          .getByRole("link", { name: /notes\.txt/ })
          .waitFor()
        await page.getByRole("button", { name: "Steer" }).click()
        const queued = page.locator(".queue li")
        await queued.getByRole("link", { name: /notes\.txt/ }).waitFor()
        await queued
          .filter({ has: page.locator(".thumbnail") })
          .getByRole("button", { name: "Edit" })
          .click()
        const edited = page.getByLabel("Text of the queued turn")
        await edited.fill("[[say edited]]")
        await page.locator(".edit-turn").getByRole("button", { name: "Remove shot.png" }).click()
        await give(edited, "paste", notes)
        await page
          .locator(".edit-turn")
          .getByRole("link", { name: /notes\.txt/ })
          .waitFor()
      })
      found.push(...(yield* scan(device, "edit of a queued turn")))
      yield* Effect.promise(async () => {
        await page.locator(".edit-turn").getByRole("button", { name: "Save" }).click()
        await page.locator(".edit-turn").waitFor({ state: "detached" })
        await page
          .locator(".queue li", { hasText: "[[say edited]]" })
          .getByRole("link", { name: /notes\.txt/ })
          .waitFor()
      })
      const picture = { blob: hash, mediaType: "image/png", bytes: shot.buffer.length }
      const file = { blob: notesHash, name: "notes.txt", mediaType: "text/plain", bytes: notes.buffer.length }
      const events = yield* log(millrace)
      expect(events.filter(({ type }) => type === "turn.requested").map(({ data }) => data)).toMatchObject([
        { text: "", attachments: [{ ...picture, name: "shot.png" }, file] },
        { text: "[[image]] [[sleep 600000]]", attachments: [{ ...picture, name: "shot-2.png" }] },
        { text: "", attachments: [{ ...picture, name: "shot.png" }] },
        { text: "", attachments: [file] }
      ])
      expect(events.filter(({ type }) => type === "turn.edited").map(({ data }) => data)).toMatchObject([
        { text: "[[say edited]]", attachments: [file] }
      ])
      expect(found).toEqual([])
      expect(complaints).toEqual([])
    })
)

it.scopedLive(
  "D14 on a phone: a file that cannot be sent is named, a failed upload is repeated, and nothing is wider than the screen",
  () =>
    Effect.gen(function* () {
      const [chrome, millrace] = yield* Effect.all([browser, server], { concurrency: 2 })
      const device = yield* pair(chrome, millrace, "phone", phone)
      const { page } = device
      const found: Array<string> = []
      yield* Effect.promise(async () => {
        await page.getByText("Welcome to Millrace").waitFor()
        const name = `${"a long name ".repeat(15)}.txt`
        await choose(page, shot, { ...notes, name }, ...Array.from({ length: 15 }, (_, n) => ({ ...notes, name: `${n}.txt` })))
        await page.getByText("14.txt was not attached: a message takes at most 16 files.").waitFor()
        await page.waitForFunction(() => document.querySelectorAll(".attachments.draft :is(.thumbnail, a.file)").length === 16)
        await fits(page, "refused")
      })
      found.push(...(yield* scan(device, "refused")))
      yield* Effect.promise(async () => {
        for (let n = 0; n <= 13; n++) await page.getByRole("button", { name: `Remove ${n}.txt` }).tap()
        // The server answers with an error: the file is named with its reason, and a message that would lose it cannot be sent.
        await page.route("**/api/blobs", (route) => route.fulfill({ status: 503, json: { message: "The disk is full." } }), {
          times: 1
        })
        await choose(page, { ...notes, name: "new.txt", buffer: Buffer.from("new") })
        await page.getByText("new.txt was not uploaded: The disk is full.").waitFor()
        expect(await page.getByRole("button", { name: "Start" }).isDisabled()).toBe(true)
        await fits(page, "failed")
      })
      found.push(...(yield* scan(device, "failed")))
      yield* Effect.promise(async () => {
        await page.getByRole("button", { name: "Try again" }).tap()
        await draft(page)
          .getByRole("link", { name: /new\.txt/ })
          .waitFor()
        await page.getByRole("button", { name: "Start" }).tap()
        await page.locator(".turn-end").waitFor()
        await page.locator(".item-user-message .thumbnail").tap()
        await isShown(page, "dialog.viewer img")
        await fits(page, "image in full")
        await page.getByRole("button", { name: "Close" }).tap()
        await fits(page, "transcript")
      })
      found.push(...(yield* scan(device, "transcript")))
      expect(found).toEqual([])
    })
)

it.scopedLive("D14 an attachment that the server has deleted meanwhile is uploaded again, and its message is sent once", () =>
  Effect.gen(function* () {
    const [chrome, millrace] = yield* Effect.all([browser, server], { concurrency: 2 })
    const { page } = yield* pair(chrome, millrace, "laptop")
    const attachments = [{ blob: notesHash, name: "notes.txt" }]
    let uploads = 0
    page.on("request", (request) => {
      if (request.method() === "POST" && request.url().endsWith("/api/blobs")) uploads++
    })
    const uploaded = draft(page).getByRole("link", { name: /notes\.txt/ })
    /** The last thread that refers to the content is deleted, and the content with it. */
    const forget = Effect.gen(function* () {
      const create = { provider: "demo", cwd: millrace.dataDir, turn: { text: "[[say x]]", attachments } }
      const { threadId } = yield* post<{ readonly threadId: string }>(millrace, "/api/threads", create)
      yield* post(millrace, "/api/commands", { commandId: `cmd-${threadId}`, type: "thread.delete", threadId })
    })
    const send = Effect.promise(async () => {
      await page.getByLabel("Prompt", { exact: true }).press("Enter")
      await page.locator(".item-user-message a.file").waitFor()
    })
    yield* Effect.promise(async () => {
      await page.getByText("Welcome to Millrace").waitFor()
      await choose(page, notes)
      await uploaded.waitFor()
    })
    yield* forget
    yield* send
    expect(uploads).toBe(2)
    const messages = (yield* log(millrace)).filter(({ type }) => type === "turn.requested").map(({ data }) => data)
    expect(messages).toMatchObject([{ text: "", attachments }])
  })
)
