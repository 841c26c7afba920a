/** `millrace worktrees` and `millrace diff`, against a whole server with real git. */
import { expect, it } from "@effect/vitest"
import type { CommandId, ThreadId } from "@millrace/contracts/Ids"
import { command } from "@millrace/testing/Orchestration"
import * as Program from "@millrace/testing/Program"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, Stream } from "effect"
import { execFileSync } from "node:child_process"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Hosted from "../../../test/support/Hosted.ts"
import * as Discovery from "../client/Discovery.ts"

const start = Effect.gen(function* () {
  const hosted = yield* Hosted.start(undefined, undefined, { checkpointing: { wait: "60 seconds" } })
  const tokenFile = join(hosted.dataDir, "cli-token")
  writeFileSync(tokenFile, hosted.token)
  yield* Effect.orDie(Discovery.write(hosted.dataDir, { url: hosted.url, pid: process.pid, tokenFile, startedAt: "now" }))
  const millrace = (...args: ReadonlyArray<string>) => Program.run(args, { env: { MILLRACE_DATA: hosted.dataDir } })
  const repository = yield* temporaryDirectory
  const git = (cwd: string, ...args: ReadonlyArray<string>) =>
    execFileSync("git", ["-c", "user.name=A", "-c", "user.email=a@example.com", ...args], { cwd, encoding: "utf8" })
  git(repository, "init", "-q", "-b", "main")
  writeFileSync(join(repository, "a"), "1\n")
  git(repository, "add", "-A")
  git(repository, "commit", "-q", "-m", "one")
  return { ...hosted, git, millrace, repository }
})

it.scopedLive(
  "W6 W7 W2 diff shows what a turn changed, and rewind takes it back; worktrees are listed, pruned when nothing is lost, and removed by force",
  () =>
    Effect.gen(function* () {
      const { git, host, millrace, repository } = yield* start
      const created = yield* host.dispatch(
        command("thread.create", {
          provider: "demo",
          cwd: repository,
          workspace: { kind: "worktree", branch: "topic" },
          approve: [{ name: "any", match: { kind: "command" }, decision: "accept" }],
          turn: { text: "[[run cp a b]]" }
        })
      )
      const [threadId, turnId] = [created.threadId as ThreadId, String(created.turnId)]
      yield* host.follow({ stream: `thread/${threadId}`, after: created.cursor }).pipe(
        Stream.filter((frame) => frame._tag === "event" && frame.event.type === "checkpoint.taken"),
        Stream.take(2),
        Stream.runDrain
      )
      const { cwd } = yield* host.thread(threadId)
      const shown = yield* millrace("diff", threadId, "--turn", turnId)
      expect(shown).toMatchObject({ code: 0, stderr: "" })
      expect(shown.stdout).toMatch(/^diff --git a\/b b\/b\nnew file mode 100644\n[^]*\n\+1\n$/)
      expect(JSON.parse((yield* millrace("diff", threadId, "--json")).stdout)).toMatchObject({ files: [{ path: "b" }] })

      const named = yield* millrace("turns", threadId)
      expect(named.stdout).toMatch(new RegExp(`^${turnId} +completed +20\\S+ \\S+ +\\[\\[run cp a b\\]\\]\\n$`))
      expect((yield* millrace("rewind", threadId, turnId, "--dry-run")).stdout).toMatch(/^delete +b *\n$/)
      expect(yield* millrace("rewind", threadId, turnId)).toMatchObject({ code: 4, stderr: expect.stringContaining("--yes") })
      expect(existsSync(join(cwd, "b"))).toBe(true)
      const rewound = yield* millrace("rewind", threadId, turnId, "--yes")
      expect(rewound.code).toBe(0)
      expect(existsSync(join(cwd, "b"))).toBe(false)
      const [, checkpoint = ""] = /--checkpoint (\w+)\n/.exec(rewound.stderr) ?? []
      const back = yield* millrace("rewind", threadId, "--checkpoint", checkpoint, "--yes", "--json")
      expect(JSON.parse(back.stdout)).toMatchObject({ threadId, checkpoint: expect.any(String) })
      expect(existsSync(join(cwd, "b"))).toBe(true)

      const listed = yield* millrace("worktrees")
      expect(listed.stdout).toMatch(new RegExp(`^${threadId} +20\\S+ +topic +\\d+ KiB +changes +${cwd}\\n$`))
      yield* host.dispatch({ commandId: "delete" as CommandId, type: "thread.delete", threadId })
      expect(JSON.parse((yield* millrace("worktrees", "prune", "--json")).stdout)).toEqual([])
      git(cwd, "add", "-A")
      git(cwd, "commit", "-q", "-m", "two")
      git(repository, "merge", "-q", "topic")
      expect((yield* millrace("worktrees", "prune", "--dry-run")).stderr).toBe("Would remove 1 worktree.\n")
      expect(existsSync(cwd)).toBe(true)
      expect((yield* millrace("worktrees", "prune")).stderr).toBe("Removed 1 worktree.\n")
      expect(existsSync(cwd)).toBe(false)

      const run = (...args: ReadonlyArray<string>) => millrace("run", "[[say hi]]", "--cwd", repository, ...args)
      expect(yield* run("--branch", "other")).toMatchObject({
        code: 2,
        stderr: "millrace: --branch needs a worktree: add --worktree\n"
      })
      const ran = yield* run("--worktree", "--base", "main", "--branch", "other", "--exclusive")
      const [other] = yield* host.worktrees
      expect(other).toMatchObject({ branch: "other" })
      expect(ran).toMatchObject({ code: 0, stderr: expect.stringContaining(`worktree ${other?.cwd}, on the branch other\n`) })
      const kept = String(other?.threadId)
      const thread = yield* host.thread(kept as ThreadId)
      expect(thread).toMatchObject({ cwd: other?.cwd, exclusive: true })
      yield* host.dispatch({ commandId: "stop" as CommandId, type: "session.stop", threadId: thread.threadId })
      yield* host.follow({ stream: `thread/${kept}` }).pipe(
        Stream.takeUntil((frame) => frame._tag === "event" && frame.event.type === "session.stopped"),
        Stream.runDrain
      )
      writeFileSync(join(thread.cwd, "work"), "work")
      git(repository, "config", "user.name", "Ada")
      git(repository, "config", "user.email", "ada@example.com")
      const committed = yield* millrace("commit", kept, "-m", "Work", "work")
      expect(committed).toMatchObject({ code: 0, stderr: expect.stringMatching(/^Committed [0-9a-f]{12}\.\n$/) })
      writeFileSync(join(thread.cwd, "work"), "more")
      expect(yield* millrace("worktrees", "remove", kept, "--force")).toMatchObject({ code: 0, stderr: "Removed.\n" })
      expect(yield* host.worktrees).toEqual([])
    })
)
