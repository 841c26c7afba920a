/** The commands for threads and turns, each as a process, with a whole server. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Accepted } from "@millrace/contracts/Command"
import type { ThreadView, TurnView } from "@millrace/contracts/State"
import * as Program from "@millrace/testing/Program"
import { send } from "../../../test/support/Fixture.ts"
import * as Hosted from "../../../test/support/Hosted.ts"
import * as Discovery from "../client/Discovery.ts"

const serving = Effect.gen(function* () {
  const hosted = yield* Hosted.start()
  const tokenFile = join(hosted.dataDir, "cli-token")
  writeFileSync(tokenFile, hosted.token)
  yield* Effect.orDie(Discovery.write(hosted.dataDir, { url: hosted.url, pid: process.pid, tokenFile, startedAt: "now" }))
  const call = <A>(path: string, body?: object) =>
    Effect.map(
      send(`${hosted.url}${path}`, {
        headers: { authorization: `Bearer ${hosted.token}` },
        ...(body !== undefined && { body: JSON.stringify(body) })
      }),
      (answer) => JSON.parse(answer.body) as A
    )
  const millrace = (...args: ReadonlyArray<string>) => Program.run(args, { env: { MILLRACE_DATA: hosted.dataDir } })
  const create = (text: string) =>
    Effect.map(call<Accepted>("/api/threads", { provider: "demo", cwd: hosted.dataDir, turn: { text } }), (made) => ({
      thread: String(made.threadId),
      turn: String(made.turnId)
    }))
  return { ...hosted, call, create, millrace }
})

it.scopedLive("C1 send, queue, interrupt and wait: each command is the service's, and wait exits as run", () =>
  Effect.gen(function* () {
    const { call, create, millrace } = yield* serving
    const first = yield* create("[[run true]] [[say done]]")
    yield* call(`/api/threads/${first.thread}/turns`, { text: "second" })
    const sent = JSON.parse((yield* millrace("send", first.thread, "third", "--json")).stdout) as Accepted
    const listed = JSON.parse((yield* millrace("queue", "list", first.thread, "--json")).stdout) as Array<Record<string, string>>
    expect(listed.map(({ text }) => text)).toEqual(["second", "third"])
    const third = String(sent.turnId)
    expect((yield* millrace("queue", "move", first.thread, third)).code).toBe(0)
    expect((yield* millrace("queue", "list", first.thread)).stdout).toMatch(/1 .*third[^]*2 .*second/)
    expect((yield* millrace("queue", "cancel", first.thread, third)).code).toBe(0)
    expect(yield* millrace("wait", third)).toMatchObject({ code: 3 })
    // The first turn waits for an approval, which is what `wait` reports.
    yield* call(`/api/events?types=request.opened&since=0&wait=60`)
    expect(yield* millrace("wait", first.turn)).toMatchObject({ code: 4, stderr: expect.stringContaining("millrace requests") })
    expect(yield* millrace("send", first.thread, "no", "--reject")).toMatchObject({ code: 1 })
    expect((yield* millrace("interrupt", first.thread)).stderr).toContain("Interrupting")
    expect(yield* millrace("wait", first.turn, "--json")).toMatchObject({
      code: 3,
      stdout: expect.stringContaining("interrupted")
    })
    expect(yield* millrace("wait", first.thread), "the thread's last turn").toMatchObject({ code: expect.toBeOneOf([0, 3]) })
    const failing = yield* create("[[fail broken]]")
    expect(yield* millrace("wait", failing.turn)).toMatchObject({ code: 1, stderr: expect.stringContaining("broken") })
    expect(yield* millrace("wait", "trn_none")).toMatchObject({ code: 1, stderr: expect.stringContaining("no such turn") })
  })
)

it.scopedLive("C1 rename, fork, stop, archive and delete change the thread", () =>
  Effect.gen(function* () {
    const { call, create, millrace } = yield* serving
    const { thread, turn } = yield* create("hello")
    expect((yield* millrace("wait", turn)).code).toBe(0)
    expect((yield* millrace("rename", thread, "A name")).code).toBe(0)
    const view = call<ThreadView>(`/api/threads/${thread}`)
    expect((yield* view).title).toBe("A name")
    expect((yield* millrace("stop", thread)).stderr).toContain("resumes")
    const forked = yield* millrace("fork", thread, "--turn", turn, "--json")
    expect(forked.code).toBe(0)
    const { threadId } = JSON.parse(forked.stdout) as { readonly threadId: string }
    expect(yield* call<ThreadView>(`/api/threads/${threadId}`)).toMatchObject({ forkedFrom: thread, title: "A name" })
    expect(yield* millrace("fork", thread, "--turn", "x")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("expected a turn id")
    })
    const retried = yield* millrace("retry", thread, turn, "--text", "[[say other]]", "--json")
    const again = JSON.parse(retried.stdout) as { readonly turnId: string }
    expect((yield* millrace("wait", again.turnId)).code).toBe(0)
    expect(yield* call<TurnView>(`/api/turns/${again.turnId}`)).toMatchObject({ text: "[[say other]]", status: "completed" })
    expect((yield* millrace("archive", thread, "--json")).stdout).toContain('"accepted"')
    expect(yield* view).toMatchObject({ archived: true })
    expect(yield* millrace("unarchive", thread)).toMatchObject({ code: 0, stderr: expect.stringContaining("Restored") })
    expect(yield* view).toMatchObject({ archived: false })
    expect((yield* millrace("delete", thread)).code).toBe(0)
    expect(yield* view).toMatchObject({ _tag: "NotFound" })
    expect(yield* call<TurnView>(`/api/turns/${turn}`)).toMatchObject({ _tag: "NotFound" })
  })
)

it.scopedLive("run shows the output of a command; help COMMAND and version", () =>
  Effect.gen(function* () {
    const { dataDir, millrace } = yield* serving
    const ran = yield* millrace("run", "[[run seq 30]]", "--approve", "always", "--cwd", dataDir)
    expect(ran.stderr).toMatch(/│ … 10 more lines\n.*│ 11\n/)
    expect(ran.stderr).toMatch(/│ 30\n/)
    const longer = yield* millrace("run", "[[run seq 21]]", "--approve", "always", "--cwd", dataDir)
    expect(longer.stderr).toMatch(/│ … 1 more line\n.*│ 2\n/)
    expect((yield* millrace("help", "send")).stdout).toContain("--steer")
    expect((yield* millrace("version")).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
)
