/** `millrace project`, `discard`, `commit`, `merge`, `push` and `pr`, against a whole server with real git. */
import { expect, it } from "@effect/vitest"
import type { ThreadId } from "@millrace/contracts/Ids"
import { command } from "@millrace/testing/Orchestration"
import * as Program from "@millrace/testing/Program"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, Stream } from "effect"
import { execFileSync } from "node:child_process"
import { existsSync, realpathSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Hosted from "../../../test/support/Hosted.ts"
import * as Discovery from "../client/Discovery.ts"

const start = Effect.gen(function* () {
  const hosted = yield* Hosted.start(undefined, undefined, { checkpointing: { wait: "60 seconds" } })
  const tokenFile = join(hosted.dataDir, "cli-token")
  writeFileSync(tokenFile, hosted.token)
  yield* Effect.orDie(Discovery.write(hosted.dataDir, { url: hosted.url, pid: process.pid, tokenFile, startedAt: "now" }))
  const millrace = (...args: ReadonlyArray<string>) => Program.run(args, { env: { MILLRACE_DATA: hosted.dataDir } })
  const repository = realpathSync(yield* temporaryDirectory)
  const git = (...args: ReadonlyArray<string>) => execFileSync("git", args, { cwd: repository, encoding: "utf8" }).trim()
  git("init", "-q", "-b", "main")
  git("config", "user.name", "Ada")
  git("config", "user.email", "ada@example.com")
  writeFileSync(join(repository, "a"), "1\n")
  git("add", "-A")
  git("commit", "-q", "-m", "one")
  return { ...hosted, git, millrace, repository }
})

it.scopedLive("W7 W9 a file is discarded, the rest committed, merged and pushed; refusals name the next command", () =>
  Effect.gen(function* () {
    const { git, host, millrace, repository } = yield* start
    const created = yield* host.dispatch(
      command("thread.create", {
        provider: "demo",
        cwd: repository,
        workspace: { kind: "worktree", branch: "topic" },
        approve: [{ name: "any", match: { kind: "command" }, decision: "accept" }],
        turn: { text: "[[run cp a b]] [[run cp a c]]" }
      })
    )
    const threadId = created.threadId as ThreadId
    yield* host.follow({ stream: `thread/${threadId}`, after: created.cursor }).pipe(
      Stream.filter((frame) => frame._tag === "event" && frame.event.type === "checkpoint.taken"),
      Stream.take(2),
      Stream.runDrain
    )
    const { cwd } = yield* host.thread(threadId)
    const dirty = yield* millrace("merge", threadId)
    expect(dirty).toMatchObject({ code: 1, stderr: expect.stringContaining("millrace commit THREAD -m MESSAGE") })

    expect(yield* millrace("discard", threadId, "a")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("a (no turn changed it since then)")
    })
    const discarded = yield* millrace("discard", threadId, "c", "--yes")
    expect(discarded.stdout).toMatch(/^delete +c *\n$/)
    expect(discarded.stderr).toMatch(new RegExp(`\nTo take this back: millrace rewind ${threadId} --checkpoint \\w+\n$`))
    expect([existsSync(join(cwd, "b")), existsSync(join(cwd, "c"))]).toEqual([true, false])

    expect((yield* millrace("commit", threadId, "-m", "Work")).code).toBe(0)
    const head = git("rev-parse", "topic")
    const short = head.slice(0, 12)
    expect((yield* millrace("merge", threadId)).stderr).toBe(`Merged. The project's branch is at ${short}.\n`)
    expect(git("rev-parse", "main")).toBe(head)
    const away = yield* temporaryDirectory
    execFileSync("git", ["init", "-q", "--bare", away])
    git("remote", "add", "away", away)
    expect((yield* millrace("push", threadId, "--remote", "away")).stderr).toBe(`Pushed ${short}.\n`)
    expect(execFileSync("git", ["rev-parse", "topic"], { cwd: away, encoding: "utf8" }).trim()).toBe(head)
    expect(yield* millrace("pr", threadId, "--draft")).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("its address has no host")
    })
  })
)

it.scopedLive("project lists projects, and sets their setup command and single variables", () =>
  Effect.gen(function* () {
    const { host, millrace, repository } = yield* start
    const { projectId } = yield* host.dispatch(command("project.create", { cwd: repository }))
    const id = String(projectId)
    const both = yield* millrace("project", "set", repository, "--setup", "npm ci", "--env", "A=1=2", "--env", "B=2")
    expect(both).toMatchObject({ code: 0, stderr: expect.stringContaining(`Changed ${id}.`) })
    expect((yield* millrace("project")).stdout).toBe(`${id}  ${repository}  setup: npm ci  A B\n`)
    const fewer = yield* millrace("project", "set", id, "--no-setup", "--no-env", "B", "--env", "C=3", "--json")
    expect(JSON.parse(fewer.stdout)).toMatchObject({ status: "accepted", projectId: id })
    const [project] = (yield* host.state).projects
    expect(project).toMatchObject({ env: { A: "1=2", C: "3" } })
    expect(project).not.toHaveProperty("setup")
    const wrong: ReadonlyArray<readonly [ReadonlyArray<string>, number, string]> = [
      [["nowhere", "--no-setup"], 1, "See: millrace project list"],
      [[id, "--env", "API_KEY=x"], 2, "millrace secret set API_KEY"],
      [[id, "--secret", "API_KEY=none"], 1, "none"]
    ]
    for (const [args, code, message] of wrong)
      expect(yield* millrace("project", "set", ...args)).toMatchObject({ code, stderr: expect.stringContaining(message) })
  })
)
