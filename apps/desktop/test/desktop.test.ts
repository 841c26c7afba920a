/** The example applications, unchanged: real processes, a real thread. */
import type { LogEvent } from "@millrace/contracts/Event"
import { createHost } from "@millrace/host/createHost"
import { problems } from "@millrace/testing/LogChecks"
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { createInterface } from "node:readline"
import type { Readable } from "node:stream"
import { afterEach, beforeEach, expect, it } from "vitest"
import * as HostThread from "../src/HostThread.ts"

const root = resolve(import.meta.dirname, "../../..")
let dataDir = ""
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "millrace-desktop-"))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 }))

interface Ready {
  readonly url: string
  readonly token: string
  readonly pid: number
}

/** The application; each line it prints is a server that is ready. `over` waits for the end of all processes that share its standard error, the server included. */
const application = () => {
  const child: ChildProcess = spawn(process.execPath, ["--import", "tsx", "apps/desktop/src/main.ts", dataDir], {
    cwd: root,
    env: { ...process.env, MILLRACE_LOG_LEVEL: "" },
    stdio: ["pipe", "pipe", "pipe"]
  })
  let errors = ""
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (errors += text))
  const lines = createInterface(child.stdout as Readable)[Symbol.asyncIterator]()
  const exited = new Promise<number | null>((done) => child.once("close", done))
  return {
    ready: async () => JSON.parse(String((await lines.next()).value)) as Ready,
    over: exited,
    quit: () => child.stdin?.write("quit\n"),
    kill: () => child.kill("SIGKILL"),
    errors: () => errors
  }
}

const begin = async ({ token, url }: Ready, text: string) => {
  const answer = await fetch(`${url}/api/threads`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ provider: "demo", cwd: dataDir, turn: { text } })
  })
  expect(answer.status).toBe(200)
}
const open = ({ token, url }: Ready) =>
  fetch(`${url}/api/events`, { headers: { authorization: `Bearer ${token}`, accept: "text/event-stream" } })
/** Reads until the text arrives, or to the end of the stream. */
const read = async (answer: Response, part?: string) => {
  let text = ""
  const decoder = new TextDecoder()
  for await (const bytes of answer.body ?? []) {
    text += decoder.decode(bytes, { stream: true })
    if (part !== undefined && text.includes(part)) break
  }
  return text
}
/** The events of the log after the server has exited. */
const history = async () => {
  const host = await createHost({ dataDir, providers: { codex: false, claude: false, acp: false } })
  const events: Array<LogEvent> = []
  for await (const frame of host.follow()) {
    if (frame._tag === "event") events.push(frame.event)
    if (frame._tag === "caught-up") break
  }
  await host.close()
  return events
}
const expectOrderly = (events: ReadonlyArray<LogEvent>, ends: number) => {
  expect(problems(events, true)).toEqual([])
  const reasons = events.filter(({ type }) => type === "turn.interrupted").map(({ data }) => (data as { reason: string }).reason)
  expect(reasons).toEqual(Array.from({ length: ends }, () => "the server is shutting down"))
  expect(events.at(-1)?.type).toBe("session.stopped")
}

it("S10 an application that quits shuts its server down in order: bye, a terminal for the turn, exit code 0", async () => {
  const app = application()
  const server = await app.ready()
  await begin(server, "[[say begun]] [[sleep 600000]]")
  await read(await open(server), "begun")
  const events = await open(server)
  app.quit()
  expect(await read(events)).toContain("event: bye")
  expect(await app.over, app.errors()).toBe(0)
  expect(existsSync(join(dataDir, "server.json"))).toBe(false)
  expectOrderly(await history(), 1)
})

it("S10 P1 after SIGKILL of the application its server shuts down in order; after SIGKILL of the server the application restarts it", async () => {
  const app = application()
  const first = await app.ready()
  process.kill(first.pid, "SIGKILL")
  const second = await app.ready()
  expect(second.pid).not.toBe(first.pid)
  await begin(second, "[[say begun]] [[sleep 600000]]")
  await read(await open(second), "begun")
  const events = await open(second)
  app.kill()
  expect(await read(events)).toContain("event: bye")
  await app.over
  expect(app.errors()).toContain("the parent process has exited")
  expect(existsSync(join(dataDir, "server.json"))).toBe(false)
  expectOrderly(await history(), 1)
})

it("D2 S3 C2 a host in a worker thread: calls, typed errors, every event once, bye at the head, and the directory is released", async () => {
  const host = await HostThread.open({ dataDir, synchronous: "NORMAL", providers: { codex: false, claude: false, acp: false } })
  const command = {
    commandId: "c1",
    type: "thread.create",
    provider: "demo",
    cwd: dataDir,
    turn: { text: "[[say hello]]" }
  } as Parameters<typeof host.dispatch>[0]
  const accepted = await host.dispatch(command)
  expect(await host.dispatch(command)).toEqual({ ...accepted, replayed: true })
  await expect(host.dispatch({ ...command, cwd: "/" } as typeof command)).rejects.toMatchObject({ _tag: "CommandIdConflict" })
  const offsets: Array<number> = []
  let bye: string | undefined
  let closed: Promise<unknown> | undefined
  for await (const frame of host.subscribe({ delivery: "lossless", capacity: 4 })) {
    if (frame._tag === "event") offsets.push(frame.event.offset)
    if (frame._tag === "bye") bye = frame.resumeAfter
    if (frame._tag === "event" && frame.event.type === "turn.completed")
      closed = host.close({ deadline: "1 minute", mode: "drain" })
  }
  await closed
  expect(bye).toMatch(new RegExp(`-${offsets.at(-1)}$`))
  expect(offsets).toEqual(Array.from({ length: offsets.length }, (_, at) => at + 1))
  const events = await history()
  expect(events).toHaveLength(offsets.length)
  expectOrderly(events, 0)
})
