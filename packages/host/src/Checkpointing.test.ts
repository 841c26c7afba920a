import type { LogEvent } from "@millrace/contracts/Event"
import type { RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import { command } from "@millrace/testing/Orchestration"
import { execFileSync } from "node:child_process"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
  writeSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeEach, expect, it } from "vitest"
import type * as Checkpointing from "./Checkpointing.ts"
import { createHost, type PromiseHost } from "./createHost.ts"

const identity = ["-c", "user.name=person", "-c", "user.email=person@example.com"]
const git = (cwd: string, ...args: ReadonlyArray<string>) =>
  execFileSync("git", [...identity, ...args], { cwd, encoding: "utf8" })

const base = realpathSync(mkdtempSync(join(tmpdir(), "millrace-checkpointing-")))
afterAll(() => rmSync(base, { recursive: true, force: true }))
const path = process.env["PATH"]
let n = 0
let root = ""
beforeEach(() => {
  process.env["PATH"] = path
  root = join(base, String(++n))
  mkdirSync(root)
})

const repository = () => {
  git(root, "init", "-q")
  writeFileSync(join(root, "a"), "1\n")
  git(root, "add", "-A")
  git(root, "commit", "-q", "-m", "one")
}

const open = (name = `data${n}`, checkpointing: Checkpointing.Options = {}) =>
  createHost({
    dataDir: join(base, name),
    checkpointing: { closeWithin: "60 seconds", ...checkpointing },
    engine: { approve: [{ name: "any", match: { kind: "command" }, decision: "accept" }] }
  })

/** The events from the start up to the first one that is the last. */
const until = async (host: PromiseHost, isLast: (event: LogEvent) => boolean) => {
  const events: Array<LogEvent> = []
  for await (const frame of host.follow()) {
    if (frame._tag !== "event") continue
    events.push(frame.event)
    if (isLast(frame.event)) break
  }
  return events
}
const point = (event: LogEvent) => `${event.type} ${(event.data as { readonly point?: string }).point ?? ""}`
const isEnd = (event: LogEvent) => /^checkpoint\.\w+ end$/.test(point(event))
const start = (host: PromiseHost, text: string) =>
  host.dispatch(command("thread.create", { provider: "demo", cwd: root, turn: { text } }))
const filesOf = (commit: string) => git(root, "ls-tree", "-r", "--name-only", commit).trim().split("\n")
const refs = () => git(root, "for-each-ref", "--format=%(refname)", "refs/millrace").trim()

it("W1 W2 each turn has a checkpoint of its start and of its end, and the person's index is as before", async () => {
  repository()
  const index = readFileSync(join(root, ".git/index"))
  await using host = await open()
  const { threadId, turnId } = await start(host, "[[ask go on?]][[run cp a b]]")
  const opened = await until(host, ({ type }) => type === "request.opened")
  const started = await until(host, (event) => point(event) === "checkpoint.taken start")
  const { requestId } = (opened.at(-1) as LogEvent).data as { requestId: RequestId }
  await host.dispatch(command("request.answer", { requestId, answers: { answer: ["yes"] } }))
  const events = await until(host, isEnd)
  const first = started.at(-1)?.data as { checkpoint: string; late?: true }
  const last = events.at(-1)?.data as { checkpoint: string; late?: true; point: string; turnId: string }
  expect(first.late).toBeUndefined()
  expect(last.late).toBeUndefined()
  expect(last.turnId).toBe(turnId)
  expect(filesOf(first.checkpoint)).toEqual(["a"])
  expect(filesOf(last.checkpoint)).toEqual(["a", "b"])
  expect(refs().split("\n")).toEqual([
    `refs/millrace/threads/${threadId}/${turnId}/end`,
    `refs/millrace/threads/${threadId}/${turnId}/start`
  ])
  expect(readFileSync(join(root, ".git/index"))).toEqual(index)

  const added = { path: "b", status: "added", additions: 1, deletions: 0, binary: false }
  const ofTurn = { base: first.checkpoint, files: [added] }
  const id = threadId as ThreadId
  expect(await host.diff(id, { turnId: turnId as TurnId })).toEqual(ofTurn)
  writeFileSync(join(root, "a"), "1\n2\n")
  const line = { oldStart: 1, oldLines: 0, newStart: 2, newLines: 1 }
  expect(await host.diff(id, { hunks: true })).toEqual({
    base: first.checkpoint,
    files: [
      { path: "a", status: "modified", additions: 1, deletions: 0, binary: false, hunks: [line] },
      { ...added, hunks: [{ oldStart: 0, oldLines: 0, newStart: 1, newLines: 1, turnId }] }
    ]
  })
  expect(await host.diff(id, { from: turnId as TurnId, to: turnId as TurnId })).toEqual(ofTurn)
  const { patch } = await host.patch(id, { turnId: turnId as TurnId })
  expect(Buffer.from(patch).toString()).toBe(git(root, "diff", first.checkpoint, last.checkpoint))
  const unknown = host.diff(id, { turnId: "trn_none" as TurnId })
  await expect(unknown).rejects.toMatchObject({ _tag: "NotFound", what: "turn", id: "trn_none" })
  expect(readFileSync(join(root, ".git/index"))).toEqual(index)
})

it("W2 a turn that is shorter than its first checkpoint waits for it in a small repository, so its diff is complete", async () => {
  repository()
  await using host = await open(`data${n}`, { wait: "60 seconds" })
  const { threadId, turnId } = await start(host, "[[run cp a b]]")
  await until(host, isEnd)
  const added = { path: "b", status: "added", additions: 1, deletions: 0, binary: false }
  const diff = await host.diff(threadId as ThreadId, { turnId: turnId as TurnId })
  expect(diff).toEqual({ base: expect.any(String), files: [added] })
})

it("W4 with checkpoints everywhere, a turn in a directory without a repository has its diff and can be taken back", async () => {
  writeFileSync(join(root, "a"), "1\n")
  await using host = await createHost({
    dataDir: join(base, `data${n}`),
    checkpoints: "everywhere",
    checkpointing: { closeWithin: "60 seconds", wait: "60 seconds" },
    engine: { approve: [{ name: "any", match: { kind: "command" }, decision: "accept" }] }
  })
  const { threadId, turnId } = await start(host, "[[run cp a b]]")
  await until(host, isEnd)
  const [id, turn] = [threadId as ThreadId, turnId as TurnId]
  expect((await host.diff(id, { turnId: turn })).files.map(({ path, status }) => [path, status])).toEqual([["b", "added"]])
  await host.dispatch(command("thread.rewind", { threadId: id, turnId: turn, files: true, conversation: false }))
  expect(readdirSync(root)).toEqual(["a"])
})

/** Replaces git: each capture waits until the returned function was called, which lets up to 100 begin. */
const gated = () => {
  const bin = join(base, `bin${n}`)
  mkdirSync(bin)
  execFileSync("mkfifo", [join(bin, "gate")])
  const gate = openSync(join(bin, "gate"), "r+")
  const script = `#!/bin/sh\nPATH='${path}'\ncase " $* " in *" config "*) read -r _ <'${join(bin, "gate")}';; esac\nexec git "$@"\n`
  writeFileSync(join(bin, "git"), script, { mode: 0o755 })
  process.env["PATH"] = `${bin}:${path}`
  return () => writeSync(gate, "\n".repeat(100))
}

it("W2 the diff of a turn that began before its files were read is late", async () => {
  repository()
  const openGate = gated()
  await using host = await open(`data${n}`, { wait: 0 })
  const { threadId, turnId } = await start(host, "[[run cp a b]]")
  await until(host, ({ type }) => type === "turn.completed")
  openGate()
  const events = await until(host, isEnd)
  const first = events.find((event) => point(event) === "checkpoint.taken start")?.data as { checkpoint: string; late?: true }
  expect(first.late).toBe(true)
  const [id, turn] = [threadId as ThreadId, turnId as TurnId]
  expect(await host.diff(id, { turnId: turn })).toEqual({ base: first.checkpoint, files: [], late: true })
  expect(await host.patch(id, { turnId: turn })).toMatchObject({ late: true })
  expect(filesOf(first.checkpoint)).toEqual(["a", "b"])
})

it("W2 a git that hangs delays no turn", async () => {
  mkdirSync(join(root, ".git"))
  mkdirSync(join(base, `bin${n}`))
  writeFileSync(join(base, `bin${n}/git`), "#!/bin/sh\nexec sleep 600\n", { mode: 0o755 })
  process.env["PATH"] = `${join(base, `bin${n}`)}:${path}`
  const host = await createHost({ dataDir: join(base, `data${n}`), checkpointing: { closeWithin: 0 } })
  await start(host, "[[say hello]]")
  const events = await until(host, ({ type }) => type === "turn.completed")
  expect(events.filter(({ type }) => type.startsWith("checkpoint."))).toEqual([])
  await host.close()
})

it("W2 a checkpoint that fails is an event, and the turn is not affected", async () => {
  repository()
  rmSync(join(root, ".git/objects"), { recursive: true })
  mkdirSync(join(root, ".git/objects"))
  await using host = await open()
  await start(host, "[[say hello]]")
  const events = await until(host, isEnd)
  expect(events.map(({ type }) => type)).toContain("turn.completed")
  expect(events.at(-1)).toMatchObject({ type: "checkpoint.failed", data: { reason: expect.stringContaining("git ") } })
})

it("W2 W9 a repository that git refuses to read is not reported as none: events and rejections have git's reason", async () => {
  repository()
  writeFileSync(join(root, ".git/config"), "[core")
  await using host = await open()
  const { threadId, turnId } = (await start(host, "[[say hello]]")) as { threadId: ThreadId; turnId: TurnId }
  const reason = expect.stringContaining("Git refuses to read the repository")
  expect((await until(host, isEnd)).at(-1)).toMatchObject({ type: "checkpoint.failed", data: { reason } })
  await expect(host.diff(threadId, { turnId })).rejects.toMatchObject({ rule: "NoCheckpoint", message: reason })
  await expect(host.previewRewind(threadId, { turnId, files: true, conversation: false })).rejects.toMatchObject({
    rule: "NoCheckpoint",
    message: reason
  })
  const commit = command("workspace.commit", { threadId, message: "m", paths: ["a"] })
  await expect(host.dispatch(commit)).rejects.toMatchObject({ rule: "GitRefused", message: reason })
  const create = command("thread.create", { provider: "demo", cwd: root, workspace: { kind: "worktree" } })
  await expect(host.dispatch(create)).rejects.toMatchObject({ rule: "WorktreeRefused", message: reason })
})

it("W2 in a large repository a turn does not wait, also if the last checkpoint was quick", async () => {
  repository()
  const blob = git(root, "hash-object", "-w", "a").trim()
  const input = Array.from({ length: 3000 }, (_, at) => `100644 ${blob}\t${"long".repeat(40)}/${at}\n`).join("")
  execFileSync("git", ["update-index", "--index-info"], { cwd: root, input })
  const first = await open(`data${n}`, { wait: "1 hour" })
  const { threadId } = await start(first, "[[say hello]]")
  await until(first, isEnd)
  await first.close()
  const openGate = gated()
  await using host = await open(`data${n}`, { wait: "1 hour" })
  const { turnId } = await host.dispatch(command("turn.start", { threadId: threadId as ThreadId, text: "[[say again]]" }))
  await until(host, ({ data, type }) => type === "turn.completed" && (data as { turnId: string }).turnId === turnId)
  openGate()
})

it("W4 a directory without a repository costs no process of git; when it becomes a repository, it has checkpoints", async () => {
  const bin = join(base, `bin${n}`)
  mkdirSync(bin)
  writeFileSync(join(bin, "git"), `#!/bin/sh\nPATH='${path}'\necho >>'${bin}/ran'\nexec git "$@"\n`, { mode: 0o755 })
  process.env["PATH"] = `${bin}:${path}`
  const host = await open()
  const { threadId } = await start(host, "[[say hello]]")
  await until(host, ({ type }) => type === "turn.completed")
  // It waits for the checkpoints, so the log then has all of their events.
  await host.close()
  expect(existsSync(join(bin, "ran"))).toBe(false)
  repository()
  await using again = await open()
  await again.dispatch(command("turn.start", { threadId: threadId as ThreadId, text: "[[say again]]" }))
  const events = await until(again, isEnd)
  expect(events.map(point).filter((name) => name.startsWith("checkpoint."))).toEqual([
    "checkpoint.taken start",
    "checkpoint.taken end"
  ])
})

it("W1 a deleted thread leaves no ref, also when its server ends at once", async () => {
  repository()
  const host = await open()
  const { threadId } = await start(host, "[[say hello]]")
  await until(host, isEnd)
  expect(refs().split("\n")).toHaveLength(2)
  await host.dispatch(command("thread.delete", { threadId: threadId as ThreadId }))
  await host.close()
  await (await open()).close()
  expect(refs()).toBe("")
})

it("W1 with checkpoints off nothing is written to the repository", async () => {
  repository()
  const host = await createHost({ dataDir: join(base, `data${n}`), checkpoints: "off" })
  await start(host, "[[say hello]]")
  await until(host, ({ type }) => type === "turn.completed")
  const { threadId } = (await host.threads({})).items[0] as { threadId: ThreadId }
  await expect(host.diff(threadId, {})).rejects.toMatchObject({ _tag: "CommandRejected", rule: "Unsupported" })
  await host.close()
  expect(refs()).toBe("")
})
