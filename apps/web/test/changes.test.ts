/** What a thread changed, on the page: the files and their differences, as the server and git have them. */
import { expect, it } from "@effect/vitest"
import { temporaryDirectory } from "@millrace/testing/ServerProcess"
import { Effect } from "effect"
import { mkdirSync, realpathSync, rmdirSync } from "node:fs"
import { join } from "node:path"
import type { Locator } from "playwright-core"
import { scan } from "./support/Axe.ts"
import { browser, pair, post, server } from "./support/Browser.ts"
import { fits } from "./support/Phone.ts"
import * as Repository from "./support/Repository.ts"

/** The lines of the differences as git writes them. */
const linesOf = (differences: Locator): Promise<ReadonlyArray<string>> =>
  differences.evaluateAll((all) =>
    all.flatMap((one) => {
      const lines: Array<string> = []
      // Side by side, added lines are next to removed ones; git writes them after these.
      const added: Array<string> = []
      for (const row of one.querySelectorAll("tr")) {
        const isNote = row.matches(".note")
        const cells = [...row.querySelectorAll("td:not(.no, .blank)")]
        if (cells.some((cell) => !cell.matches(".old, .new"))) lines.push(...added.splice(0))
        for (const cell of cells) {
          const text = cell.textContent ?? ""
          if (cell.matches(".new")) added.push(`+${text}`)
          else if (cell.matches(".old")) lines.push(`-${text}`)
          else if (cell === cells[0]) lines.push(isNote ? text : ` ${text}`)
        }
      }
      return [...lines, ...added]
    })
  )

/** The lines of each file of a unified diff, from its first hunk on. */
const hunksOf = (diff: string): ReadonlyArray<string> =>
  diff
    .split(/^diff --git .*\n/m)
    .flatMap((part) => (part.includes("@@") ? part.slice(part.indexOf("@@")).trimEnd().split("\n") : []))

const isFocused = (what: Locator) => what.evaluate((node) => node === document.activeElement)

it.scopedLive(
  "W4 the changes of a thread and of a turn are the server's diff, character for character; they follow its turns; a file opens in the chosen editor; a prompt gets the paths of files by @",
  () =>
    Effect.gen(function* () {
      const [chrome, millrace, directory] = yield* Effect.all([browser, server, temporaryDirectory], { concurrency: 3 })
      const root = realpathSync(directory)
      Repository.make(root, { "a.ts": Repository.lines(30), "docs/gone.txt": "old\n", "docs/read me.md": "one\n" })
      const cwd = join(root, "docs")
      const { run, threadId } = yield* Repository.thread(millrace, cwd)
      const first = yield* run(
        "Edit the files",
        `sed -i s/line.3$/changed/ ../a.ts; rm gone.txt; echo two >> "read me.md"; echo new > 'a"b ü.txt'`
      )
      const device = yield* pair(chrome, millrace, "laptop", { viewport: { width: 390, height: 800 } })
      const { complaints, page } = device
      const found: Array<string> = []
      const view = page.getByRole("region", { name: "Changes", exact: true })
      const differences = view.getByRole("region", { name: /^Difference of / })
      yield* Effect.promise(async () => {
        await page.goto(`${millrace.url}/#/thread/${threadId}`)
        await page.locator(".turn-end").getByRole("link", { name: "Files changed" }).press("Enter")
        await view.getByText("4 files changed").waitFor()
        await differences.nth(3).waitFor()
        expect(await isFocused(view.getByRole("heading", { name: "Changes" }))).toBe(true)
        await fits(page, "changes of a turn")
      })
      const expected = hunksOf(yield* Repository.diff(millrace, threadId, first))
      expect(yield* Effect.promise(() => linesOf(differences))).toEqual(expected)
      found.push(...(yield* scan(device, "changes of a turn")))
      yield* Repository.shots(page, "changes")
      yield* Effect.promise(async () => {
        await page.setViewportSize({ width: 1440, height: 860 })
        await view.locator("table.sides").nth(3).waitFor()
        expect(await linesOf(differences)).toEqual(expected)
        await page.emulateMedia({ colorScheme: "dark" })
      })
      found.push(...(yield* scan(device, "side by side")))
      yield* Effect.promise(async () => {
        await page.setViewportSize({ width: 820, height: 860 })
        // The rail leaves no place for two columns.
        await view.locator("table.unified").nth(3).waitFor()
        expect(await linesOf(differences)).toEqual(expected)
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(820)
      })
      found.push(...(yield* scan(device, "one column beside the rail")))
      yield* Effect.promise(async () => {
        await page.setViewportSize({ width: 1440, height: 860 })
        // The focus returns to the link that opened the view.
        await page.getByRole("link", { name: "Conversation" }).click()
        await view.waitFor({ state: "detached" })
        expect(await isFocused(page.locator(".turn-end").getByRole("link", { name: "Files changed" }))).toBe(true)
        await page.getByRole("link", { name: "Changes", exact: true }).press("Enter")
        await view.getByText("4 files changed").waitFor()
        expect(await view.getByLabel("Changes of").inputValue()).toBe("")
        // Everything is relative to the root of the work tree, which is above the thread's directory.
        await view.getByLabel("Open files in").selectOption("Zed")
        await page.reload()
        const link = view.getByRole("link", { name: 'Open docs/a"b ü.txt in Zed' })
        await differences.nth(3).waitFor()
        expect(await link.getAttribute("href")).toBe(`zed://file${root}/docs/a%22b%20%C3%BC.txt:1`)
      })
      // The view follows the events: it shows the next turn's changes without a request by the person.
      const second = yield* run("Add a file", "seq 500 > long.txt")
      yield* Effect.promise(async () => {
        await view.getByText("5 files changed").waitFor()
        const long = view.getByRole("button", { name: /^added docs\/long.txt/ })
        expect(await long.getAttribute("aria-expanded")).toBe("false")
        await view.getByLabel("Changes of").selectOption({ index: 1 })
        await page.waitForURL((url) => url.hash.endsWith(second))
        await view.getByText("1 file changed").waitFor()
        await long.press("Enter")
        await differences.getByRole("button", { name: "Show all 501 lines" }).press("Enter")
        expect(await isFocused(differences)).toBe(true)
      })
      expect(yield* Effect.promise(() => linesOf(differences))).toEqual(
        hunksOf(yield* Repository.diff(millrace, threadId, second))
      )

      // Paths in a prompt are those of the thread's directory.
      const field = page.getByLabel("Prompt", { exact: true })
      const files = page.getByRole("listbox", { name: "Files" }).getByRole("option")
      yield* Effect.promise(async () => {
        await page.getByRole("link", { name: "Conversation" }).press("Enter")
        await field.fill("Compare ada@example.org")
        await field.press("End")
        expect(await page.locator(".mention").count()).toBe(0)
        await field.pressSequentially(" with @md")
        await files.getByText("read me.md").waitFor()
        expect(await field.getAttribute("aria-activedescendant")).toBe(await files.first().getAttribute("id"))
      })
      found.push(...(yield* scan(device, "files")))
      yield* Repository.shots(page, "files")
      yield* Effect.promise(async () => {
        // Enter chooses and does not send; the text after the caret stays.
        await field.press("Enter")
        expect(await field.inputValue()).toBe('Compare ada@example.org with "read me.md" ')
        await field.pressSequentially("and @")
        await files.nth(2).waitFor()
        await field.press("ArrowUp")
        const last = files.last()
        expect(await last.getAttribute("aria-selected")).toBe("true")
        await files.getByText("long.txt").click()
        expect(await field.inputValue()).toBe('Compare ada@example.org with "read me.md" and long.txt ')
        expect(await isFocused(field)).toBe(true)
        await field.pressSequentially("@nothing-of-this")
        await page.getByText("No file has this in its path.").waitFor()
        await field.press("Escape")
        expect(await page.locator(".mention").count()).toBe(0)
      })
      // A refusal of the server is shown as it is; without an answer the page says so.
      const gone = join(root, "away")
      mkdirSync(gone)
      const other = yield* post<{ readonly threadId: string }>(millrace, "/api/threads", { provider: "demo", cwd: gone })
      rmdirSync(gone)
      yield* Effect.promise(async () => {
        await page.goto(`${millrace.url}/#/thread/${other.threadId}`)
        await page.getByText("No messages yet.").waitFor()
        await field.fill("@a")
        await page.getByText("The files cannot be searched: The directory of the thread does not exist any more.").waitFor()
        await page.route(/\/files\?/, (route) => route.abort("connectionrefused"))
        await field.pressSequentially("b")
        await page.getByText("The files cannot be searched: The server does not answer.").waitFor()
        expect(await field.inputValue()).toBe("@ab")
      })
      expect(found).toEqual([])
      expect(complaints.filter((one) => !/status of 404|ERR_CONNECTION_REFUSED/.test(one))).toEqual([])
    })
)
