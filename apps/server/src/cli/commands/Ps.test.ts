/** What `millrace ps` reports about a process, and what it reads from the ledger and from this machine. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { ThreadView } from "@millrace/contracts/State"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import * as AgentProcesses from "../../AgentProcesses.ts"
import * as Ps from "./Ps.ts"

const threadId = ThreadId.make("thr_1")
const turnId = TurnId.make("trn_1")
const child: AgentProcesses.AgentProcess = { pid: 7, group: 7, command: "agent", threadId, epoch: 2, startedAt: 0, alive: true }
const ready: ThreadView = {
  threadId,
  projectId: "prj_1" as ThreadView["projectId"],
  title: "one",
  provider: "demo",
  cwd: "/work",
  status: "idle",
  archived: false,
  session: { epoch: 2, status: "ready" },
  queuedTurnIds: [],
  openRequestIds: [],
  openItemIds: [],
  createdAt: "2026-11-20T09:00:00.000Z",
  updatedAt: "2026-11-20T09:00:00.000Z"
}
const now = Date.parse("2026-11-20T10:02:03.000Z")

describe("why", () => {
  it.each<[string, Partial<AgentProcesses.AgentProcess>, ThreadView | undefined]>([
    ["idle for 1h 2m", {}, ready],
    [
      "it is being ended: idle, and the agents together use 3000 MiB; the limit is 2000 MiB",
      {},
      { ...ready, stopping: "idle, and the agents together use 3000 MiB; the limit is 2000 MiB" }
    ],
    ["runs trn_1", {}, { ...ready, session: { epoch: 2, status: "running", activeTurnId: turnId }, activeTurnId: turnId }],
    ["starts for trn_1", {}, { ...ready, session: { epoch: 2, status: "starting", activeTurnId: turnId }, activeTurnId: turnId }],
    [
      "waits for a person: req_1",
      {},
      { ...ready, activeTurnId: turnId, openRequestIds: ["req_1" as ThreadView["openRequestIds"][number]] }
    ],
    ["background work: b1", {}, { ...ready, backgroundIds: ["b1"] }],
    ["its epoch 1 has ended; it is being ended", { epoch: 1 }, ready],
    ["its session has ended; it is being ended", {}, { ...ready, session: { epoch: 2, status: "stopped" } }],
    ["it has no session; it is being ended", {}, undefined],
    ["dead; the server is removing its record", { alive: false }, ready]
  ])("%s", (words, of, thread) => {
    expect(Ps.why({ ...child, ...of }, thread, now)).toBe(words)
  })
})

describe("Children", () => {
  it.scoped("P1 lists the entries of the ledger, oldest first; a reused pid is not ours, and a malformed entry is skipped", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryDirectory
      expect(yield* AgentProcesses.list(dataDir)).toEqual([])
      const directory = join(dataDir, "processes")
      mkdirSync(directory)
      const stat = process.platform === "linux" ? readFileSync("/proc/self/stat", "utf8") : undefined
      const startTime = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19]
      const { startedAt: _s, alive: _a, ...entry } = { ...child, pid: process.pid, id: "x" }
      const put = (name: string, content: unknown) => writeFileSync(join(directory, name), JSON.stringify(content))
      put("ours.json", { ...entry, ...(startTime === undefined ? {} : { startTime }) })
      put("dead.json", { ...entry, pid: 2 ** 22 + 1 })
      put("half.json.tmp", entry)
      put("odd.json", { pid: "none" })
      if (startTime !== undefined) put("reused.json", { ...entry, startTime: `${startTime}0`, epoch: 3 })
      const found = yield* AgentProcesses.list(dataDir)
      expect(found.map(({ alive, epoch, pid }) => [pid === process.pid, epoch, alive]).toSorted()).toEqual(
        [[false, 2, false], [true, 2, true], ...(startTime === undefined ? [] : [[true, 3, false]])].toSorted()
      )
    })
  )
})
