/** Goals and hand-over at a shell, with the real demo agent. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Accepted } from "@millrace/contracts/Command"
import type { Goal, ThreadView } from "@millrace/contracts/State"
import * as Program from "@millrace/testing/Program"
import * as ServerProcess from "@millrace/testing/ServerProcess"

const demo2 = {
  providers: { demo2: { kind: "demo" }, codex: false, claude: false, opencode: false, gemini: false, goose: false }
}

describe("goals and hand-over", () => {
  it.live("T12 R1 a thread works towards its goal until the agent reports that it is met, then another agent continues it", () =>
    Effect.gen(function* () {
      const dataDir = yield* ServerProcess.temporaryDirectory
      mkdirSync(dataDir, { recursive: true })
      writeFileSync(join(dataDir, "millrace.config.json"), JSON.stringify(demo2))
      const server = yield* ServerProcess.serve({ dataDir })
      const run = (...args: ReadonlyArray<string>) => Program.run([...args, "--data", dataDir])
      const seen = yield* Program.start(["tail", "--json", "--data", dataDir])
      const post = (path: string, body: unknown) =>
        Effect.promise(async () => {
          const headers = { authorization: `Bearer ${server.token}`, "content-type": "application/json" }
          const answer = await fetch(`${server.url}${path}`, { method: "POST", headers, body: JSON.stringify(body) })
          return (await answer.json()) as Accepted
        })
      const get = (path: string) =>
        Effect.promise(async () => {
          const answer = await fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${server.token}` } })
          return (await answer.json()) as ThreadView
        })
      const { threadId } = yield* post("/api/threads", { provider: "demo", cwd: dataDir })
      const id = String(threadId)

      // Its turn ends at once, so the next one waits. Then a goal that is met replaces it.
      expect(yield* run("goal", "set", id, "[[say one step]]", "--turns", "5")).toMatchObject({ code: 0 })
      yield* seen.until('"goal.waiting"')
      const shown = yield* run("goal", "show", id)
      expect(shown.stdout).toMatch(/goal +\[\[say one step\]\]\nstatus +active\nturns +1 of 5/)
      expect(yield* run("goal", "pause", id)).toMatchObject({ code: 0 })
      const paused = yield* run("goal", "show", id, "--json")
      expect(JSON.parse(paused.stdout) as Goal).toMatchObject({ status: "paused", reason: expect.stringMatching(/^paused by/) })
      const set = yield* post("/api/commands", {
        commandId: "set-1",
        type: "goal.set",
        threadId,
        objective: "[[say all done]] [[say GOAL COMPLETE]]",
        budget: { minutes: 5 }
      })
      expect(set).toMatchObject({ status: "accepted", goalId: expect.stringMatching(/^goal_/) })
      yield* seen.until('"goal.met"')
      expect(yield* get(`/api/threads/${id}`)).toMatchObject({ status: "idle", goal: { status: "met", used: { turns: 1 } } })
      expect(yield* run("goal", "resume", id)).toMatchObject({ code: 1, stderr: expect.stringContaining("This goal has ended") })
      expect(yield* run("goal", "show", "thr")).toMatchObject({ code: 2 })

      expect(yield* run("handover", id, "demo2")).toMatchObject({ code: 0 })
      const more = yield* run("run", "[[say on demo2]]", "--thread", id)
      expect(more).toMatchObject({ code: 0, stdout: expect.stringContaining("on demo2") })
      expect(yield* get(`/api/threads/${id}`)).toMatchObject({
        provider: "demo2",
        session: { continuity: "handed-off", lost: expect.stringContaining("memory") }
      })
      expect(yield* run("handover", id, "demo2")).toMatchObject({ code: 1, stderr: expect.stringContaining("already") })
      expect(yield* run("compact", id)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("demo2 does not support this action")
      })
      expect(yield* run("review", id, "--base", "main")).toMatchObject({ code: 1, stderr: expect.stringContaining("(review)") })
      expect(yield* run("review", id, "--base", "main", "--uncommitted")).toMatchObject({ code: 2 })
      yield* server.kill("SIGTERM")
      yield* server.ended
      expect(yield* run("verify")).toMatchObject({ code: 0 })
    }).pipe(Effect.scoped)
  )
})
