/** Threads in worktrees, with a whole host and real git. */
import { expect, it } from "@effect/vitest"
import type { CommandId, ThreadId } from "@millrace/contracts/Ids"
import { layerMemory } from "@millrace/providers/process/Ledger"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import * as Git from "@millrace/workspace/Git"
import * as Worktrees from "@millrace/workspace/Worktrees"
import { Effect, Layer, Stream } from "effect"
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, rmSync, watch, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Host from "./Host.ts"

const sh = (cwd: string, ...args: ReadonlyArray<string>) =>
  execFileSync("git", ["-c", "user.name=A", "-c", "user.email=a@example.com", ...args], {
    cwd,
    encoding: "utf8",
    stdio: "pipe"
  }).trim()

/** A repository with a commit, a data directory, and what is in its directory of worktrees. */
const setUp = Effect.map(temporaryDirectory, (base) => {
  const [repository, dataDir] = [join(base, "repository"), join(base, "data")]
  mkdirSync(repository)
  sh(repository, "init", "-q", "-b", "main")
  writeFileSync(join(repository, "a.txt"), "a")
  sh(repository, "add", "-A")
  sh(repository, "commit", "-qm", "one")
  const home = join(dataDir, "worktrees")
  return { dataDir, home, repository, left: () => (existsSync(home) ? readdirSync(home).toSorted() : []) }
})
const open = (dataDir: string) =>
  Host.make({ dataDir, synchronous: "NORMAL", providers: { codex: false, claude: false, acp: false } })

let commands = 0
const create = (cwd: string, more: object = {}) =>
  ({
    commandId: `c${++commands}` as CommandId,
    type: "thread.create",
    provider: "demo",
    cwd,
    workspace: { kind: "worktree" },
    ...more
  }) as const

const remove = (threadId: ThreadId, force = false) =>
  ({ commandId: `c${++commands}` as CommandId, type: "workspace.remove", threadId, force }) as const

/** The last event of the thread's next turn that ends. */
const ended = (host: Host.Host["Type"], threadId: ThreadId, after: string) =>
  host.follow({ stream: `thread/${threadId}`, after }).pipe(
    Stream.filter((frame) => frame._tag === "event" && /^turn\.(completed|interrupted|failed)$/.test(frame.event.type)),
    Stream.runHead,
    Effect.flatten,
    Effect.map((frame) => (frame._tag === "event" ? frame.event.type : ""))
  )
/** Returns when the checkpoints of this many turns of the thread are refs of the repository, which are taken while turns run. */
const checkpointed = (host: Host.Host["Type"], threadId: ThreadId, turns: number) =>
  host.follow({ stream: `thread/${threadId}` }).pipe(
    Stream.filter((frame) => frame._tag === "event" && frame.event.type === "checkpoint.taken"),
    Stream.take(2 * turns),
    Stream.runDrain
  )
/** Returns when the directory has no entry with this name. */
const isGone = (directory: string, name: string) =>
  Effect.async<void>((resume) => {
    const look = () => existsSync(join(directory, name)) || resume(Effect.void)
    const watcher = watch(directory, look)
    look()
    return Effect.sync(() => watcher.close())
  })

it.scopedLive(
  "W6 a thread works in its worktree; what cannot be created is rejected and leaves nothing; a repeated command has one",
  () =>
    Effect.gen(function* () {
      const { dataDir, left, repository } = yield* setUp
      const host = yield* open(dataDir)
      const command = create(repository, { turn: { text: "[[say hello]]" } })
      const accepted = yield* host.dispatch(command)
      const threadId = accepted.threadId as ThreadId
      const cwd = join(dataDir, "worktrees", threadId)
      const { cwd: shown, projectId } = yield* host.thread(threadId)
      expect([shown, sh(cwd, "branch", "--show-current")]).toEqual([cwd, `millrace/${threadId}`])
      expect((yield* host.state).projects).toMatchObject([{ projectId, cwd: repository }])
      expect(yield* ended(host, threadId, accepted.cursor)).toBe("turn.completed")
      yield* checkpointed(host, threadId, 1)
      const own = [threadId, `${threadId}.json`]
      expect((yield* host.dispatch(command)).threadId).toBe(threadId)
      expect(left()).toEqual(own)
      // By the project alone.
      const other = yield* host
        .dispatch({ ...create(repository, { projectId, branch: "x" }), cwd: undefined } as never)
        .pipe(Effect.either)
      expect(other._tag).toBe("Right")

      const rejected = (more: object) => Effect.flip(host.dispatch(create(repository, more)))
      const before = [left(), sh(repository, "for-each-ref"), sh(repository, "worktree", "list")]
      expect(yield* rejected({ workspace: { kind: "worktree", branch: "main" } })).toMatchObject({ rule: "WorktreeRefused" })
      expect(yield* rejected({ workspace: { kind: "worktree", base: "none" } })).toMatchObject({ rule: "WorktreeRefused" })
      expect(yield* rejected({ provider: "nobody" })).toMatchObject({ rule: "ProviderUnknown" })
      expect(yield* rejected({ cwd: join(repository, "none") })).toMatchObject({ rule: "DirectoryNotFound" })
      expect([left(), sh(repository, "for-each-ref"), sh(repository, "worktree", "list")]).toEqual(before)

      // A worktree that is missing is no reason to run in another directory.
      rmSync(cwd, { recursive: true })
      yield* host.dispatch({ commandId: "stop" as CommandId, type: "session.stop", threadId })
      const next = yield* host.dispatch({ commandId: "next" as CommandId, type: "turn.start", threadId, text: "[[say never]]" })
      expect(yield* ended(host, threadId, next.cursor)).toBe("turn.failed")
    })
)

it.scopedLive(
  "W6 the worktree of a deleted thread is removed, and kept with changes; one without a thread is removed at the next start",
  () =>
    Effect.gen(function* () {
      const { dataDir, home, left, repository } = yield* setUp
      // As a server leaves it that is killed between the creation and the commit.
      yield* Effect.flatMap(Worktrees.make({ home }), ({ create }) => create({ id: "thr_orphan", directory: repository })).pipe(
        Effect.provide(Layer.provide(Git.layer, layerMemory))
      )
      const host = yield* open(dataDir)
      yield* isGone(home, "thr_orphan.json")
      expect(left()).toEqual([])
      const [clean, dirty] = [yield* host.dispatch(create(repository)), yield* host.dispatch(create(repository))]
      writeFileSync(join(home, dirty.threadId as string, "work.txt"), "work")
      for (const { threadId } of [dirty, clean])
        yield* host.dispatch({ commandId: `d${threadId}` as CommandId, type: "thread.delete", threadId: threadId as ThreadId })
      yield* isGone(home, `${clean.threadId}.json`)
      expect(left()).toEqual([dirty.threadId as string, `${dirty.threadId}.json`])
      const listed = {
        threadId: dirty.threadId,
        cwd: join(home, dirty.threadId as string),
        branch: `millrace/${dirty.threadId}`,
        createdAt: expect.stringMatching(/^20/),
        dirty: true,
        unpushed: 0
      }
      const bytes: unknown = expect.any(Number)
      expect(yield* host.worktrees).toEqual([{ ...listed, bytes }])
      writeFileSync(join(listed.cwd, ".git"), "gitdir: /nowhere")
      expect(yield* host.worktrees).toEqual([{ ...listed, bytes, unknown: true }])
      rmSync(listed.cwd, { recursive: true })
      expect(yield* host.worktrees).toEqual([{ ...listed, missing: true, dirty: false }])
      yield* host.dispatch(remove(listed.threadId as ThreadId))
      expect(left()).toEqual([])

      const { threadId } = yield* host.dispatch(create(repository))
      const kept = threadId as ThreadId
      writeFileSync(join(home, kept, "work.txt"), "work")
      const fork = yield* host.dispatch({ commandId: "fork" as CommandId, type: "thread.fork", threadId: kept })
      const refused = { rule: "WorktreeRefused" }
      expect(yield* Effect.flip(host.dispatch(remove(kept, true)))).toMatchObject({
        ...refused,
        message: expect.stringContaining(fork.threadId as string)
      })
      yield* host.dispatch({ commandId: "df" as CommandId, type: "thread.delete", threadId: fork.threadId as ThreadId })
      expect(yield* Effect.flip(host.dispatch(remove(kept)))).toMatchObject({
        ...refused,
        message: expect.stringContaining("not committed")
      })
      // A rejected command removes nothing, also one whose id another command has.
      const reused = { ...remove(kept, true), commandId: "df" as CommandId }
      expect(yield* Effect.flip(host.dispatch(reused))).toMatchObject({ _tag: "CommandIdConflict" })
      expect(left()).toEqual([kept, `${kept}.json`])
      const forced = remove(kept, true)
      expect(yield* host.dispatch(forced)).toMatchObject({ status: "accepted", threadId: kept })
      expect([left(), sh(repository, "branch", "--list")]).toEqual([[], "* main"])
      expect(yield* host.dispatch(forced)).toMatchObject({ status: "accepted", replayed: true })
      expect(yield* Effect.flip(host.dispatch(remove(kept)))).toMatchObject(refused)
      const running = yield* host.dispatch(create(repository, { turn: { text: "[[say hello]]" } }))
      yield* ended(host, running.threadId as ThreadId, running.cursor)
      expect(yield* Effect.flip(host.dispatch(remove(running.threadId as ThreadId, true)))).toMatchObject({
        ...refused,
        message: expect.stringContaining("agent runs")
      })
    })
)
