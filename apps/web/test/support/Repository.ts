/** A git repository, and a thread of the demo agent that works in it. */
import type { LogEvent } from "@millrace/contracts/Event"
import type { ServerProcess } from "@millrace/testing/ServerProcess"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import type { Page } from "playwright-core"
import { post } from "./Browser.ts"

type Server = Pick<ServerProcess, "url" | "token">

export const git = (cwd: string, ...args: ReadonlyArray<string>): string => execFileSync("git", args, { cwd, encoding: "utf8" })
export const lines = (count: number): string => Array.from({ length: count }, (_, at) => `line ${at + 1}\n`).join("")

/** Makes the directory a repository with a person's identity and one commit of these files. */
export const make = (cwd: string, files: Readonly<Record<string, string>>): void => {
  mkdirSync(cwd, { recursive: true })
  git(cwd, "init", "-q", "-b", "main")
  git(cwd, "config", "user.name", "Ada")
  git(cwd, "config", "user.email", "ada@example.org")
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(cwd, path)), { recursive: true })
    writeFileSync(join(cwd, path), content)
  }
  git(cwd, "add", "-A")
  git(cwd, "commit", "-qm", "first")
}

const read = async ({ token, url }: Server, path: string, accept = "application/json"): Promise<string> =>
  (await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}`, accept } })).text()

/** Waits until the thread has an event of this type that has these words in its data, and returns it. */
const event = async (millrace: Server, threadId: string, type: string, ...words: ReadonlyArray<string>): Promise<LogEvent> => {
  for (let since = 0; ;) {
    const path = `/api/events?since=${since}&wait=60&types=${type}&stream=thread/${threadId}`
    const page = JSON.parse(await read(millrace, path)) as ReadonlyArray<LogEvent>
    const found = page.find(({ data }) => words.every((word) => JSON.stringify(data).includes(word)))
    if (found !== undefined) return found
    since = page.at(-1)?.offset ?? since
  }
}

/**
 * A new thread in the directory, or in a separate worktree. `run`: a turn that runs this line of the shell; resolves when the files at its end are
 * stored. The line begins when those at the start of the turn are stored, so that the diff of the turn has all its changes on any machine.
 */
export const thread = (millrace: Server, cwd: string, workspace: "directory" | "worktree" = "directory") =>
  Effect.map(
    post<{ readonly threadId: string }>(millrace, "/api/commands", {
      commandId: `thread-${workspace}`,
      type: "thread.create",
      provider: "demo",
      title: "Edit the files",
      cwd,
      permissionMode: "full-access",
      workspace: { kind: workspace }
    }),
    ({ threadId }) => {
      const ask = (text: string) =>
        Effect.gen(function* () {
          const { turnId } = yield* post<{ readonly turnId: string }>(millrace, `/api/threads/${threadId}/turns`, { text })
          yield* Effect.promise(() => event(millrace, threadId, "checkpoint.taken", turnId, '"start"'))
          const { data } = yield* Effect.promise(() => event(millrace, threadId, "request.opened", turnId))
          return { turnId, requestId: (data as { readonly requestId: string }).requestId }
        })
      const answer = (requestId: string) => post(millrace, `/api/requests/${requestId}/answer`, { answers: { answer: ["Yes"] } })
      const run = (say: string, line: string) =>
        Effect.gen(function* () {
          const { requestId, turnId } = yield* ask(`${say} [[ask Begin?]] [[run ${line}]]`)
          yield* answer(requestId)
          yield* Effect.promise(() => event(millrace, threadId, "checkpoint.taken", turnId, '"end"'))
          yield* Effect.promise(() => event(millrace, threadId, "turn.completed", turnId))
          return turnId
        })
      return {
        threadId,
        run,
        /** A turn that runs until `answer`. */
        ask: (say: string) => ask(`${say} [[ask Go on?]]`),
        answer
      }
    }
  )

/** The server's unified diff of the thread, or of one of its turns. */
export const diff = (millrace: Server, threadId: string, turnId?: string) =>
  Effect.promise(() =>
    read(millrace, `/api/threads/${threadId}/${turnId === undefined ? "diff" : `turns/${turnId}/diff`}`, "text/x-diff")
  )

/** Directory for screenshots for people; without it none are taken. */
const directory = process.env["MILLRACE_SHOTS"]

/** Pictures of the page at the widths of a phone, a tablet and a desk, light and dark. */
export const shots = (page: Page, name: string) =>
  Effect.promise(async () => {
    if (directory === undefined) return
    const before = page.viewportSize()
    for (const width of [390, 820, 1440])
      for (const colorScheme of ["light", "dark"] as const) {
        await page.setViewportSize({ width, height: 860 })
        await page.emulateMedia({ colorScheme })
        await page.screenshot({ path: join(directory, `${name}-${width}-${colorScheme}.png`), animations: "disabled" })
      }
    await page.emulateMedia({ colorScheme: null })
    if (before !== null) await page.setViewportSize(before)
  })
