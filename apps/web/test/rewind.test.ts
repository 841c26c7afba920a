/** After the changes, on the page: commit, merge, push, and the turn taken back. What it does is compared with git and the files. */
import { expect, it } from "@effect/vitest"
import { serve, temporaryDirectory } from "@millrace/testing/ServerProcess"
import { Effect } from "effect"
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Locator } from "playwright-core"
import { scan } from "./support/Axe.ts"
import { browser, pair, post } from "./support/Browser.ts"
import { fits } from "./support/Phone.ts"
import * as Repository from "./support/Repository.ts"

const { git } = Repository
const isFocused = (what: Locator) => what.evaluate((node) => node === document.activeElement)

/** A `gh` that is signed in, reaches no network, records its arguments, and answers to `pr create` with this line of the shell. */
const script = (bin: string, create: string) =>
  writeFileSync(
    join(bin, "gh"),
    `#!/bin/sh
printf '<%s> ' "$@" >> ${join(bin, "calls")}
case "$1 $2" in
"auth status") ;;
"repo view") echo '{"nameWithOwner":"up/shop","defaultBranchRef":{"name":"main"}}';;
"pr create") ${create};;
"pr list") echo '[]';;
*) exit 8;;
esac
`,
    { mode: 0o755 }
  )

it.scopedLive(
  "W4 W6 W9 the page commits, merges and pushes the work of a thread and opens a pull request, shows the server's refusal as it is, and holds them while a turn runs; a turn is taken back after a list of its files, a stale list is shown again, and the files come back",
  () =>
    Effect.gen(function* () {
      const [chrome, directory] = yield* Effect.all([browser, temporaryDirectory], { concurrency: 2 })
      const root = realpathSync(directory)
      const bin = join(root, "bin")
      mkdirSync(bin)
      const env = { PATH: `${bin}:${process.env["PATH"]}` }
      const millrace = yield* serve({ dataDir: join(root, "data"), env })
      const [repository, remote] = [join(root, "project"), join(root, "remote.git")]
      git(root, "init", "-q", "--bare", remote)
      Repository.make(repository, { "kept.txt": "one\n", "gone.txt": "old\n" })
      const inWorktree = yield* Repository.thread(millrace, repository, "worktree")
      yield* inWorktree.run("Add a file", "echo tree > tree.txt")
      const device = yield* pair(chrome, millrace, "laptop", { viewport: { width: 390, height: 860 } })
      const { complaints, page } = device
      const found: Array<string> = []
      const view = page.getByRole("region", { name: "Changes", exact: true })
      const alert = view.getByRole("alert")
      const button = (name: string) => view.getByRole("button", { name, exact: true })
      const last = view.locator(".last-act")
      const branch = `millrace/${inWorktree.threadId}`
      const refused = yield* post<{ readonly message: string }>(millrace, "/api/commands", {
        commandId: "no-remote",
        type: "workspace.push",
        threadId: inWorktree.threadId
      })
      yield* Effect.promise(async () => {
        await page.goto(`${millrace.url}/#/thread/${inWorktree.threadId}/changes`)
        await view.getByText("1 file changed").waitFor()
        await button("Push").press("Enter")
        await alert.waitFor()
        expect(await alert.textContent()).toBe(refused.message)
        await button("Commit…").press("Enter")
        const message = view.getByLabel("Message")
        expect(await isFocused(message)).toBe(true)
        expect(await button("Commit all changes").getAttribute("aria-disabled")).toBe("true")
        await message.fill("Add the tree\n\nIt was missing.")
        await fits(page, "commit")
      })
      found.push(...(yield* scan(device, "commit")))
      yield* Repository.shots(page, "commit")
      yield* Effect.promise(async () => {
        await button("Commit all changes").press("Enter")
        await last.getByText(`Committed on ${branch}: Add the tree`).waitFor()
        expect(await isFocused(button("Commit…"))).toBe(true)
        const commit = git(repository, "rev-parse", branch).trim()
        expect(await last.locator("code").getAttribute("title")).toBe(commit)
        expect(git(repository, "log", "-1", "--format=%an %B", commit).trim()).toBe("Ada Add the tree\n\nIt was missing.")
        await button("Merge").press("Enter")
        await last.getByText(`Merged ${branch} into main`).waitFor()
        expect(git(repository, "show", "main:tree.txt")).toBe("tree\n")
        git(repository, "remote", "add", "origin", remote)
        await button("Push").press("Enter")
        await last.getByText(`Pushed ${branch} to origin`).waitFor()
        expect(git(remote, "rev-parse", branch).trim()).toBe(commit)
        await view.getByText(`the same as origin/${branch}`).waitFor()
        // The server's message is shown as it is; then the same button opens a pull request, with the focus on it.
        git(repository, "remote", "set-url", "origin", "git@github.com:up/shop.git")
        git(repository, "config", "remote.origin.pushurl", remote)
        script(bin, "echo 'No commits between main and topic' >&2; exit 1")
        await button("Pull request").press("Enter")
        await alert.getByText("No commits between main and topic").waitFor()
        script(bin, "echo https://github.com/up/shop/pull/7")
        await button("Pull request").press("Enter")
        const link = last.getByRole("link", { name: "https://github.com/up/shop/pull/7" })
        await link.waitFor()
        expect(await alert.count()).toBe(0)
        expect(await last.textContent()).toContain(`Pull request of ${branch}: `)
        expect(await link.getAttribute("rel")).toContain("noopener")
        expect(await isFocused(button("Pull request"))).toBe(true)
        expect(readFileSync(join(bin, "calls"), "utf8")).toContain(`--head=${branch}> <--base=main>`)
      })
      const { requestId } = yield* inWorktree.ask("Wait")
      yield* Effect.promise(async () => {
        const reason = view.getByText("A turn is running. You can commit and merge when it has ended.")
        await reason.waitFor()
        for (const name of ["Commit…", "Merge"]) {
          expect(await button(name).getAttribute("aria-disabled")).toBe("true")
          expect(await button(name).getAttribute("aria-describedby")).toBe(await reason.getAttribute("id"))
        }
      })
      yield* inWorktree.answer(requestId)
      yield* Effect.promise(() => view.getByText("A turn is running.").waitFor({ state: "detached" }))

      // In the project's directory a person works too: the files are named, and a turn is taken back.
      const { run, threadId } = yield* Repository.thread(millrace, repository)
      yield* run("Edit the files", "echo two >> kept.txt; rm gone.txt; echo new > new.txt; echo own > own.txt")
      yield* Effect.promise(async () => {
        await page.goto(`${millrace.url}/#/thread/${threadId}/changes`)
        await view.getByText("4 files changed").waitFor()
        await button("Commit…").press("Enter")
        await view.getByLabel("Message").fill("Keep this one")
        for (const path of ["gone.txt", "kept.txt", "new.txt"]) await view.getByLabel(path, { exact: true }).uncheck()
        await button("Commit 1 file").press("Enter")
        await last.getByText("Committed on main: Keep this one").waitFor()
        expect(git(repository, "show", "--name-status", "--format=", "HEAD").trim()).toBe("A\town.txt")
      })
      const file = page.getByRole("dialog", { name: "Discard the changes of a file" })
      yield* Effect.promise(async () => {
        const discard = button("Discard this file… gone.txt")
        await discard.press("Enter")
        await file.getByRole("list", { name: "Come back" }).getByText("gone.txt").waitFor()
        await file.getByRole("button", { name: "Discard the changes" }).press("Enter")
        await file.getByText("The file is as it was before this thread.").waitFor()
        expect(readFileSync(join(repository, "gone.txt"), "utf8")).toBe("old\n")
        await file.getByRole("button", { name: "Bring the file back" }).press("Enter")
        await file.getByText("The files are as they were").waitFor()
        expect(existsSync(join(repository, "gone.txt"))).toBe(false)
        await page.keyboard.press("Escape")
        await file.waitFor({ state: "detached" })
      })
      const dialog = page.getByRole("dialog", { name: "Take back this turn" })
      const confirm = dialog.getByRole("button", { name: /^Take back / })
      const listed = (words: string) => dialog.getByRole("list", { name: words }).getByRole("listitem").allTextContents()
      const path = (name: string) => join(repository, name)
      yield* Effect.promise(async () => {
        await page.getByRole("link", { name: "Conversation" }).press("Enter")
        writeFileSync(path("new.txt"), "changed by Ada\n")
        const opener = page.locator(".turn-end").getByRole("button", { name: "Take back…" })
        await opener.press("Enter")
        await dialog.getByText("Take back 4 files", { exact: true }).waitFor()
        expect(await listed("Get their earlier content")).toEqual(["kept.txt"])
        expect(await listed("Come back")).toEqual(["gone.txt"])
        expect(await listed("Are deleted")).toEqual(["new.txtchanged since by someone else", "own.txt"])
        await fits(page, "take back")
      })
      found.push(...(yield* scan(device, "take back")))
      yield* Repository.shots(page, "take-back")
      yield* Effect.promise(async () => {
        // The list is stale: nothing is done, and the new list is shown.
        writeFileSync(path("kept.txt"), "changed by Ada\n")
        await confirm.press("Enter")
        await dialog.getByRole("alert").getByText("nothing was done").waitFor()
        await confirm.getByText("Take back 4 files").waitFor()
        expect(await listed("Get their earlier content")).toEqual(["kept.txtchanged since by someone else"])
        expect(readFileSync(path("kept.txt"), "utf8")).toBe("changed by Ada\n")
        await confirm.press("Enter")
        await dialog.getByText("The files are as they were before this turn.").waitFor()
        expect(["kept.txt", "gone.txt"].map((name) => readFileSync(path(name), "utf8"))).toEqual(["one\n", "old\n"])
        expect(["new.txt", "own.txt"].filter((name) => existsSync(path(name)))).toEqual([])
        expect(await isFocused(dialog.getByRole("button", { name: "Close" }))).toBe(true)
      })
      yield* Repository.shots(page, "taken-back")
      yield* Effect.promise(async () => {
        await dialog.getByRole("button", { name: "Bring the files back" }).press("Enter")
        await dialog.getByText("The files are as they were before they were taken back.").waitFor()
        expect(["kept.txt", "new.txt", "own.txt"].map((name) => readFileSync(path(name), "utf8"))).toEqual([
          "changed by Ada\n",
          "changed by Ada\n",
          "own\n"
        ])
        expect(existsSync(path("gone.txt"))).toBe(false)
        await page.keyboard.press("Escape")
        await dialog.waitFor({ state: "detached" })
        const opener = page.locator(".turn-end").getByRole("button", { name: "Take back…" })
        expect(await isFocused(opener)).toBe(true)
        // The conversation alone: a fork before the turn.
        await opener.press("Enter")
        await dialog.getByLabel("the conversation").check()
        await dialog.getByLabel("the files").uncheck()
        await dialog.getByRole("button", { name: "Take back the conversation", exact: true }).press("Enter")
        await dialog.getByRole("link", { name: "Open the new thread" }).press("Enter")
        await page.getByText("No messages yet.").waitFor()
      })
      expect(found).toEqual([])
      expect(complaints).toEqual([])
    })
)
