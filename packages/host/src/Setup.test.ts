/** The setup command of a project in new worktrees, with a whole host, real git and real processes. */
import type { LogEvent } from "@millrace/contracts/Event"
import type { ProjectId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import { command } from "@millrace/testing/Orchestration"
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeEach, expect, it } from "vitest"
import * as Proc from "@millrace/providers/process/Proc"
import { createHost, type PromiseHost } from "./createHost.ts"

const base = realpathSync(mkdtempSync(join(tmpdir(), "millrace-setup-")))
afterAll(() => rmSync(base, { recursive: true, force: true }))
let n = 0
let home = ""
/** The directory of the project, below the root of its repository. */
let root = ""
beforeEach(() => {
  home = join(base, String(++n))
  root = join(home, "repository/app")
  mkdirSync(root, { recursive: true })
  writeFileSync(join(root, "a.txt"), "a")
  const git = (...args: ReadonlyArray<string>) =>
    execFileSync("git", ["-c", "user.name=A", "-c", "user.email=a@example.com", ...args], { cwd: join(home, "repository") })
  git("init", "-q", "-b", "main")
  git("add", "-A")
  git("commit", "-qm", "one")
})

const open = () =>
  createHost({
    dataDir: join(home, "data"),
    synchronous: "NORMAL",
    checkpoints: "off",
    providers: { codex: false, claude: false, acp: false }
  })

const project = async (host: PromiseHost, setup: string, env = {}) => {
  const { projectId = "" as ProjectId } = await host.dispatch(command("project.create", { cwd: root }))
  await host.dispatch(command("project.update", { projectId, setup, env }))
  return projectId
}
const create = async (host: PromiseHost, text: string, more: object = { workspace: { kind: "worktree" } }) => {
  const { threadId, turnId } = await host.dispatch(
    command("thread.create", { provider: "demo", cwd: root, permissionMode: "full-access", turn: { text }, ...more })
  )
  return { threadId: threadId as ThreadId, turnId: turnId as TurnId }
}
const send = async (host: PromiseHost, threadId: ThreadId, text = "[[say hello]]") =>
  (await host.dispatch(command("turn.start", { threadId, text }))).turnId as TurnId

interface Data {
  readonly kind?: string
  readonly turnId?: TurnId
  readonly itemId?: string
  readonly text?: string
  readonly output?: string
  readonly error?: { readonly message: string }
  readonly reason?: string
}
const dataOf = (event: LogEvent) => event.data as Data
/** The events of the turn, up to the first one that is the last; by default its end. */
const turn = async (host: PromiseHost, turnId: TurnId, isLast = /^turn\.(completed|failed|interrupted)$/) => {
  const events: Array<LogEvent> = []
  for await (const frame of host.follow()) {
    if (frame._tag !== "event" || dataOf(frame.event).turnId !== turnId) continue
    events.push(frame.event)
    if (isLast.test(frame.event.type)) break
  }
  return events
}
const isSetup = (event: LogEvent) => dataOf(event).itemId?.endsWith("_setup") === true
const setups = (events: ReadonlyArray<LogEvent>) => events.filter(isSetup)
const typesOf = (events: ReadonlyArray<LogEvent>) => events.map(({ type }) => type)
/** The first event of this type. */
const first = (events: ReadonlyArray<LogEvent>, type: string) => dataOf(events.find((event) => event.type === type) as LogEvent)

it("W10 X4 the setup command runs once in a new worktree, before its first turn, with the variables of project and thread", async () => {
  const runs = join(home, "runs")
  let threadId = "" as ThreadId
  {
    await using host = await open()
    await project(host, `pwd >> ${runs}; echo "$GREETING $API_KEY"; echo "$MILLRACE_PORT" > port; touch ready`, {
      GREETING: "bonjour",
      API_KEY: "a-secret-value"
    })
    const one = await create(host, "[[run cat ready && echo $MILLRACE_WORKSPACE:$MILLRACE_PROJECT_ROOT:$MILLRACE_PORT]]")
    threadId = one.threadId
    const events = await turn(host, one.turnId)
    const cwd = join(home, "data/worktrees", threadId, "app")
    const port = Number(readFileSync(join(cwd, "port"), "utf8"))
    expect([...new Set(typesOf(setups(events)))]).toEqual(["item.started", "item.delta", "item.completed"])
    expect(setups(events).at(-1)?.data).toMatchObject({
      kind: "command",
      status: "completed",
      cwd,
      exitCode: 0,
      output: "bonjour (secret)\n"
    })
    expect(events.findIndex(({ type }) => type === "turn.started")).toBeGreaterThan(events.findLastIndex(isSetup))
    const outputs = events.flatMap((event) => (isSetup(event) ? [] : [dataOf(event).output ?? ""])).join("")
    expect(outputs).toContain(`${cwd}:${root}:${port}\n`)
    expect(port % 10).toBe(0)
    expect(await host.worktrees()).toMatchObject([{ threadId, port }])

    // The next turn, a fork in the same worktree, a thread in the directory of the project, and another worktree.
    const again = await turn(host, await send(host, threadId))
    const fork = (await host.dispatch(command("thread.fork", { threadId }))).threadId as ThreadId
    const plain = await create(host, "[[run echo at:$MILLRACE_WORKSPACE:$MILLRACE_PORT:]]", {})
    const other = await create(host, "[[run cat port]]")
    const turns = [await send(host, fork), plain.turnId, other.turnId]
    const [inFork = [], inDirectory = [], inOther = []] = await Promise.all(turns.map((id) => turn(host, id)))
    expect(setups([...again, ...inFork, ...inDirectory])).toEqual([])
    expect(JSON.stringify(inDirectory)).toContain(`at:${root}::`)
    expect(setups(inOther).at(-1)?.data).toMatchObject({ status: "completed" })
    const otherPort = Number(readFileSync(join(home, "data/worktrees", other.threadId, "app/port"), "utf8"))
    expect(otherPort).not.toBe(port)
    expect(readFileSync(runs, "utf8").trim().split("\n")).toHaveLength(2)
  }
  await using host = await open()
  expect(setups(await turn(host, await send(host, threadId)))).toEqual([])
})

it("W10 a worktree that an agent has used is not new: a setup command that is set later does not run in it", async () => {
  await using host = await open()
  const { threadId, turnId } = await create(host, "[[say hello]]")
  await turn(host, turnId)
  await project(host, "echo late")
  await host.dispatch(command("session.stop", { threadId }))
  expect(setups(await turn(host, await send(host, threadId)))).toEqual([])
})

it("W10 a setup that fails, fails the turn with the end of its output; the next turn runs it again", async () => {
  await using host = await open()
  const projectId = await project(host, "echo doomed >&2; exit 3")
  const one = await create(host, "[[say never]]")
  const failed = await turn(host, one.turnId)
  expect(setups(failed).at(-1)?.data).toMatchObject({ status: "failed", exitCode: 3, output: "doomed\n" })
  expect(first(failed, "turn.failed").error?.message).toMatch(/exit code 3.*next turn runs the setup again.*\ndoomed$/s)
  expect(typesOf(failed)).not.toContain("turn.started")

  await host.dispatch(command("project.update", { projectId, setup: null }))
  expect(typesOf(await turn(host, await send(host, one.threadId)))).toContain("turn.completed")
})

it("W10 T7 an interrupt ends the setup and its processes; the turn is interrupted, and the next turn runs the setup", async () => {
  await using host = await open()
  // Both processes ignore SIGTERM.
  const projectId = await project(host, "trap '' TERM; sleep 1000 & echo $$ $! > pids; echo waiting; wait")
  const { threadId, turnId } = await create(host, "[[say never]]")
  await turn(host, turnId, /^item\.delta$/)
  await host.dispatch(command("turn.interrupt", { threadId }))
  const events = await turn(host, turnId)
  expect(first(events, "turn.interrupted").reason).toContain("during the setup")
  expect(setups(events).at(-1)?.data).toMatchObject({ status: "aborted", output: "waiting\n" })
  const pids = readFileSync(join(home, "data/worktrees", threadId, "app/pids"), "utf8")
    .trim()
    .split(" ")
  expect(pids.map((pid) => [Number(pid) > 1, Proc.facts(Number(pid))?.zombie ?? true])).toEqual([
    [true, true],
    [true, true]
  ])

  await host.dispatch(command("project.update", { projectId, setup: "touch ready" }))
  expect(setups(await turn(host, await send(host, threadId))).at(-1)?.data).toMatchObject({ status: "completed" })
  expect(existsSync(join(home, "data/worktrees", threadId, "app/ready"))).toBe(true)
})
