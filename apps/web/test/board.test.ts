/** The board of the start page: what needs the person, what runs, and what ended since they looked. */
import { expect, it } from "@effect/vitest"
import type { LogEvent } from "@millrace/contracts/Event"
import { serve, temporaryDirectory } from "@millrace/testing/ServerProcess"
import { Effect } from "effect"
import { mkdirSync, realpathSync } from "node:fs"
import { join } from "node:path"
import type { Locator } from "playwright-core"
import { scan } from "./support/Axe.ts"
import { browser, pair, post } from "./support/Browser.ts"
import { shots } from "./support/Repository.ts"

const isFocused = (what: Locator) => what.evaluate((node) => node === document.activeElement)

it.scopedLive(
  "X1 T13 the board shows open requests, running threads and unread ends by project; an answer given there arrives; an opened thread is read and stays read; a lost server is named",
  () =>
    Effect.gen(function* () {
      const [chrome, directory] = yield* Effect.all([browser, temporaryDirectory])
      const root = realpathSync(directory)
      const millrace = yield* serve({ dataDir: join(root, "data") })
      const begin = (project: string, title: string, text: string) =>
        Effect.gen(function* () {
          const cwd = join(root, project)
          mkdirSync(cwd, { recursive: true })
          const body = { provider: "demo", title, cwd, turn: { text } }
          return (yield* post<{ readonly threadId: string }>(millrace, "/api/threads", body)).threadId
        })
      /** Waits for an event of the thread. */
      const event = (threadId: string, types: string) =>
        Effect.promise(async () => {
          const path = `/api/events?since=0&wait=60&types=${types}&stream=thread/${threadId}`
          for (;;) {
            const answer = await fetch(millrace.url + path, { headers: { authorization: `Bearer ${millrace.token}` } })
            const [found] = (await answer.json()) as ReadonlyArray<LogEvent>
            if (found !== undefined) return found
          }
        })
      const shop = yield* begin("shop", "Fix the till", "[[run echo fixed]] [[say The till adds up.]]")
      const device = yield* pair(chrome, millrace, "laptop", { viewport: { width: 1440, height: 860 } })
      const { complaints, page } = device
      const board = page.getByRole("region", { name: "Board" })
      const needs = board.getByRole("region", { name: "Needs you" })
      const running = board.getByRole("region", { name: "Running" })
      const ended = board.getByRole("region", { name: "Ended since you looked" })
      const found: Array<string> = []
      yield* Effect.promise(() => needs.getByRole("button", { name: "Accept", exact: true }).waitFor())

      // Each state, in two projects. What ended before this browser came is not unread.
      yield* begin("site", "Choose the colour", "[[ask Which colour?]] [[say Blue it is.]]")
      yield* begin("site", "Move the pages", "[[deltas 100000 50]]")
      yield* begin("shop", "Read the invoice", "[[fail The invoice has no pages]]")
      for (let n = 1; n <= 6; n++) yield* begin("site", `Check page ${n}`, `[[say Page ${n} is right.]]`)
      const titles = (of: Locator) => of.locator(".title").allTextContents()
      yield* Effect.promise(async () => {
        await ended.getByText("Ended since you looked 7").waitFor()
        expect((await titles(ended)).length).toBe(5)
        await ended.getByRole("button", { name: "Show all 7" }).press("Enter")
        expect(await isFocused(ended.getByRole("heading", { name: "Ended since you looked" }))).toBe(true)
        await ended.getByRole("link", { name: /Read the invoice.*The invoice has no pages.*failed/ }).waitFor()
        await ended.getByRole("link", { name: /Check page 6.*Page 6 is right\..*finished/ }).waitFor()
        expect((await titles(ended)).length).toBe(7)
        await needs.getByText("Which colour?").waitFor()
        await running.getByRole("link", { name: /Move the pages.*Writes.*running.*demo.*for \d/ }).waitFor()
        expect(await titles(running)).toEqual(["Move the pages"])
        expect(await needs.getByRole("heading", { level: 3 }).allTextContents()).toEqual(["shop", "site"])
      })
      for (const width of [390, 820, 1440])
        for (const colorScheme of ["light", "dark"] as const) {
          yield* Effect.promise(async () => {
            await page.setViewportSize({ width, height: 860 })
            await page.emulateMedia({ colorScheme })
            expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width)
          })
          found.push(...(yield* scan(device, `board ${width} ${colorScheme}`)))
        }
      yield* Effect.promise(() => page.locator(".home").evaluate((home) => home.scrollTo(0, 0)))
      yield* shots(page, "board")

      // An answer by the keyboard: the agent continues, and the focus stays on the board.
      yield* Effect.promise(async () => {
        await needs.getByRole("button", { name: "Accept", exact: true }).press("Enter")
        await ended.getByRole("link", { name: /Fix the till.*The till adds up\./ }).waitFor()
        expect(await isFocused(board)).toBe(true)
        // An opened thread is read, here and after a reload.
        await ended.getByRole("link", { name: /Fix the till/ }).press("Enter")
        await page.locator(".turn-end").waitFor()
        await page.goBack()
        await ended.getByText("Ended since you looked 7").waitFor()
        expect(await titles(ended)).not.toContain("Fix the till")
      })
      // The end of its idle agent is a change of the thread, not of what it said.
      yield* post(millrace, "/api/commands", { commandId: "stop", type: "session.stop", threadId: shop })
      const { at } = yield* event(shop, "session.stopped")
      yield* Effect.promise(async () => {
        await page.waitForFunction(
          ({ at, shop }) => {
            const { threads } = JSON.parse(localStorage.getItem("millrace.seen") ?? "{}") as {
              readonly threads?: Readonly<Record<string, string>>
            }
            return (threads?.[shop] ?? "") >= at
          },
          { at, shop }
        )
        await page.reload()
        await ended.getByText("Ended since you looked 7").waitFor()
        await ended.getByRole("button", { name: "Mark all as read" }).press("Enter")
        await ended.waitFor({ state: "detached" })
        expect(await isFocused(board)).toBe(true)
      })
      yield* millrace.kill("SIGKILL")
      yield* Effect.promise(async () => {
        await board.getByText("Not connected: this is what the server last reported.").waitFor()
        await needs.getByText("Which colour?").waitFor()
      })
      found.push(...(yield* scan(device, "board without a server")))
      yield* shots(page, "board-offline")
      expect(found).toEqual([])
      expect(complaints.filter((one) => !/ERR_CONNECTION|WebSocket connection/.test(one))).toEqual([])
    })
)
