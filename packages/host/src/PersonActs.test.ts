/** Commits of worktrees and shared directories, with a whole host and real git. */
import { expect, it } from "@effect/vitest"
import type { LogEvent } from "@millrace/contracts/Event"
import type { CommandId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import { digest } from "@millrace/orchestration/engine/Receipts"
import { layerMemory } from "@millrace/providers/process/Ledger"
import { command } from "@millrace/testing/Orchestration"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import * as Commit from "@millrace/workspace/Commit"
import * as Git from "@millrace/workspace/Git"
import * as PersonGit from "@millrace/workspace/PersonGit"
import * as Repository from "@millrace/workspace/Repository"
import { Effect, Fiber, Layer, Option, Stream } from "effect"
import { execFileSync } from "node:child_process"
import { mkdirSync, realpathSync, writeFileSync } from "node:fs"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { vi } from "vitest"
import * as Host from "./Host.ts"

const sh = (cwd: string, ...args: ReadonlyArray<string>) =>
  execFileSync("git", args, { cwd, encoding: "utf8", stdio: "pipe" }).trim()

/** A repository with a commit and an identity, and a data directory. */
const setUp = Effect.map(temporaryDirectory, (directory) => {
  const base = realpathSync(directory)
  const [repository, dataDir] = [join(base, "repository"), join(base, "data")]
  mkdirSync(repository)
  sh(repository, "init", "-q", "-b", "main")
  sh(repository, "config", "user.name", "Ada")
  sh(repository, "config", "user.email", "ada@example.com")
  writeFileSync(join(repository, "a.txt"), "a")
  sh(repository, "add", "-A")
  sh(repository, "commit", "-qm", "one")
  return { base, dataDir, repository }
})
const open = (dataDir: string) =>
  Host.make({ dataDir, synchronous: "NORMAL", providers: { codex: false, claude: false, acp: false } })
const until = (host: Host.Host["Type"], isLast: (event: LogEvent) => boolean) =>
  host.follow({}).pipe(
    Stream.filterMap((frame) => (frame._tag === "event" && isLast(frame.event) ? Option.some(frame.event) : Option.none())),
    Stream.runHead,
    Effect.flatten
  )
const commitOf = (id: string, threadId: ThreadId, more: object = {}) =>
  ({ commandId: id as CommandId, type: "workspace.commit", threadId, message: "Work", ...more }) as const

it.scopedLive(
  "W9 C2 a worktree is committed, merged and pushed once, with events; a repeated command finds the commit of a server that ended",
  () =>
    Effect.gen(function* () {
      const { base, dataDir, repository } = yield* setUp
      const host = yield* open(dataDir)
      const create = command("thread.create", { provider: "demo", cwd: repository, workspace: { kind: "worktree" } })
      const threadId = (yield* host.dispatch(create)).threadId as ThreadId
      const { cwd } = yield* host.thread(threadId)
      writeFileSync(join(cwd, "new.txt"), "new")
      const done = yield* host.dispatch(commitOf("one", threadId), "phone")
      const head = sh(cwd, "rev-parse", "HEAD")
      expect(done).toMatchObject({ status: "accepted", threadId, commit: head })
      const committed = yield* until(host, ({ type }) => type === "workspace.committed")
      const data = { threadId, commit: head, branch: `millrace/${threadId}`, subject: "Work" }
      expect(committed).toMatchObject({ actor: "phone", stream: `thread/${threadId}`, data })
      writeFileSync(join(cwd, "later.txt"), "later")
      expect(yield* host.dispatch(commitOf("one", threadId))).toMatchObject({ replayed: true, commit: head })
      expect(yield* Effect.flip(host.dispatch(commitOf("one", threadId, { message: "Other" })))).toMatchObject({
        _tag: "CommandIdConflict"
      })
      expect([sh(cwd, "rev-parse", "HEAD"), sh(cwd, "status", "--porcelain")]).toEqual([head, "?? later.txt"])
      expect(yield* Effect.flip(host.dispatch(commitOf("none", "thr_none" as ThreadId)))).toMatchObject({
        rule: "ThreadNotFound"
      })

      // As a server leaves it that is killed between git's commit and its own.
      const cut = commitOf("cut", threadId)
      const made = yield* Effect.flatMap(Repository.find(cwd), (found) =>
        Commit.commit({ repository: found, cwd, message: "Work", mark: PersonGit.markOf("cut", digest(cut)) })
      ).pipe(Effect.provide(Layer.provide(Git.layer, layerMemory)))
      writeFileSync(join(cwd, "later.txt"), "changed")
      expect(yield* host.dispatch(cut)).toMatchObject({ status: "accepted", commit: made.commit })
      expect([sh(cwd, "rev-parse", "HEAD"), sh(cwd, "rev-parse", "HEAD^")]).toEqual([made.commit, head])

      const act = (type: "workspace.merge" | "workspace.push", id: string) =>
        host.dispatch({ commandId: id as CommandId, type, threadId })
      expect(yield* Effect.flip(act("workspace.merge", "dirty"))).toMatchObject({ rule: "GitRefused" })
      const last = yield* host.dispatch(commitOf("last", threadId))
      const merged = yield* act("workspace.merge", "merge")
      expect([merged.commit, sh(repository, "rev-parse", "main")]).toEqual([last.commit, last.commit])
      expect(yield* act("workspace.merge", "merge")).toMatchObject({ replayed: true, commit: last.commit })
      sh(base, "init", "-q", "--bare", "away.git")
      expect(yield* Effect.flip(act("workspace.push", "nowhere"))).toMatchObject({ rule: "GitRefused" })
      sh(repository, "remote", "add", "away", join(base, "away.git"))
      expect(yield* act("workspace.push", "push")).toMatchObject({ commit: last.commit })
      const branch = `millrace/${threadId}`
      expect(sh(join(base, "away.git"), "rev-parse", branch)).toBe(last.commit)
      const pushed = yield* until(host, ({ type }) => type === "workspace.pushed")
      expect(pushed.data).toEqual({ threadId, commit: last.commit, branch, remote: "away" })

      const url = "https://github.com/up/shop/pull/7"
      const answers = `"repo view") echo '{"nameWithOwner":"up/shop","defaultBranchRef":{"name":"main"}}';;\n"pr create") echo ${url};;`
      mkdirSync(join(base, "bin"))
      writeFileSync(join(base, "bin/gh"), `#!/bin/sh\ncase "$1 $2" in\n${answers}\nesac\n`, { mode: 0o755 })
      vi.stubEnv("PATH", `${join(base, "bin")}:${process.env["PATH"]}`)
      sh(repository, "remote", "set-url", "away", "git@github.com:up/shop.git")
      sh(repository, "config", "remote.away.pushurl", join(base, "away.git"))
      const propose = { commandId: "propose" as CommandId, type: "workspace.propose", threadId } as const
      expect(yield* host.dispatch(propose)).toMatchObject({ status: "accepted", url, commit: last.commit })
      expect(yield* host.dispatch(propose)).toMatchObject({ replayed: true, url })
      expect((yield* until(host, ({ type }) => type === "workspace.proposed")).data).toEqual({ ...(pushed.data as object), url })
      expect((yield* until(host, ({ type }) => type === "workspace.merged")).data).toEqual({
        threadId,
        commit: last.commit,
        branch,
        into: "main"
      })
    })
)

it.scopedLive(
  "W9 T12 in a shared directory files are named; no turn starts during a commit, and none is committed during a turn",
  () =>
    Effect.gen(function* () {
      const { base, dataDir, repository } = yield* setUp
      const host = yield* open(dataDir)
      const created = yield* host.dispatch(
        command("thread.create", { provider: "demo", cwd: repository, turn: { text: "[[ask go on?]]" } })
      )
      const [threadId, turnId] = [created.threadId as ThreadId, created.turnId as TurnId]
      yield* until(host, ({ type }) => type === "request.opened")
      writeFileSync(join(repository, "a.txt"), "changed")
      writeFileSync(join(repository, "own.txt"), "own")
      sh(repository, "add", "own.txt")
      const paths = { paths: ["a.txt"] }
      expect(yield* Effect.flip(host.dispatch(commitOf("busy", threadId, paths)))).toMatchObject({
        rule: "TurnActive",
        id: threadId
      })
      yield* host.dispatch(command("turn.interrupt", { threadId, turnId }))
      yield* until(host, ({ type }) => type === "turn.interrupted")
      const merge = { commandId: "merge" as CommandId, type: "workspace.merge", threadId } as const
      expect(yield* Effect.flip(host.dispatch(merge))).toMatchObject({ message: expect.stringContaining("no worktree") })
      const all = yield* Effect.flip(host.dispatch(commitOf("all", threadId)))
      expect(all).toMatchObject({ rule: "GitRefused", message: expect.stringContaining("name the files") })

      // The hook waits for the test.
      const [begun, release] = [join(base, "begun"), join(base, "release")]
      execFileSync("mkfifo", [begun, release])
      writeFileSync(join(repository, ".git/hooks/pre-commit"), `#!/bin/sh\necho > "${begun}"\ncat "${release}"\n`, {
        mode: 0o755
      })
      const committing = yield* Effect.fork(host.dispatch(commitOf("named", threadId, paths)))
      yield* Effect.promise(() => readFile(begun))
      const next = command("turn.start", { threadId, text: "[[say hello]]" })
      expect(yield* host.dispatch(next)).toMatchObject({ outcome: "queued" })
      expect((yield* host.thread(threadId)).waiting).toMatchObject({ reason: "command" })
      yield* Effect.promise(() => writeFile(release, ""))
      const { cursor } = yield* Fiber.join(committing)
      yield* host.follow({ after: cursor }).pipe(
        Stream.takeUntil((frame) => frame._tag === "event" && frame.event.type === "turn.completed"),
        Stream.runDrain
      )
      expect([sh(repository, "show", "--name-only", "--format=%s"), sh(repository, "status", "--porcelain")]).toEqual([
        "Work\n\na.txt",
        "A  own.txt"
      ])
    })
)
