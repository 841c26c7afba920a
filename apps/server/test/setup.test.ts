/** `kill -9` of the server while the setup command of a new worktree runs. */
import { expect, it } from "@effect/vitest"
import * as Client from "@millrace/client/Client"
import * as HttpTransport from "@millrace/client/HttpTransport"
import type { BodyOf, CommandType } from "@millrace/contracts/Command"
import type { ThreadId } from "@millrace/contracts/Ids"
import { Processes as Proc } from "@millrace/host/AgentMemory"
import { attach } from "@millrace/testing/RawSse"
import { serve } from "@millrace/testing/ServerProcess"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

it.scopedLive("W10 P1 T5 killed during the setup: no process remains, the turn is settled, and the next turn runs it again", () =>
  Effect.gen(function* () {
    const base = yield* temporaryDirectory
    const [cwd, dataDir] = [join(base, "repository"), join(base, "data")]
    mkdirSync(cwd)
    const git = (...args: ReadonlyArray<string>) =>
      execFileSync("git", ["-c", "user.name=A", "-c", "user.email=a@example.com", ...args], { cwd })
    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "one")
    const start = Effect.map(serve({ dataDir, env: { MILLRACE_RECOVERY: "settle" } }), (server) => {
      const client = Client.make(HttpTransport.make(server))
      return {
        ...server,
        send: <T extends CommandType>(type: T, body: BodyOf<T>) => Effect.flatMap(Client.command(type, body), client.dispatch),
        /** The events from the beginning, at least up to the first one of this type that has this text. */
        until: (type: string, text: string) =>
          attach({
            url: `${server.url}/api/events`,
            token: server.token,
            until: (events) => events.some(({ data }) => data.includes(`"type":"${type}"`) && data.includes(text))
          })
      }
    })

    const first = yield* start
    const { projectId } = yield* first.send("project.create", { cwd })
    yield* first.send("project.update", { projectId: projectId!, setup: "sleep 1000 & echo $$ $! > pids; echo waiting; wait" })
    const workspace = { kind: "worktree" } as const
    const created = yield* first.send("thread.create", { provider: "demo", cwd, workspace, turn: { text: "[[say never]]" } })
    const threadId = created.threadId as ThreadId
    yield* first.until("item.delta", "waiting")
    const pids = readFileSync(join(dataDir, "worktrees", threadId, "pids"), "utf8")
      .trim()
      .split(" ")
      .map(Number)
    const runs = () => pids.map((pid) => Proc.facts(pid)?.zombie === false)
    expect(runs()).toEqual([true, true])
    yield* first.kill("SIGKILL")
    yield* first.ended

    const second = yield* start
    expect(runs()).toEqual([false, false])
    const settled = yield* second.until("turn.interrupted", created.turnId!)
    expect(settled.events.some(({ data }) => data.includes('"status":"aborted"') && data.includes("_setup"))).toBe(true)
    yield* second.send("project.update", { projectId: projectId!, setup: "echo again" })
    const next = yield* second.send("turn.start", { threadId, text: "[[say hello]]" })
    const done = (yield* second.until("turn.completed", next.turnId!)).events.map(({ data }) => data)
    expect(done.find((data) => data.includes('"output":"again\\n"'))).toContain(next.turnId)
    yield* second.kill("SIGTERM")
    expect(yield* second.ended).toMatchObject({ code: 0 })
  })
)
