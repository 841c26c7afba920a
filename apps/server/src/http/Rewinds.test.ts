/** Rewinds over HTTP, with the demo agent in a real repository. */
import { expect, it } from "@effect/vitest"
import type { LogEvent } from "@millrace/contracts/Event"
import type { ThreadId } from "@millrace/contracts/Ids"
import { command } from "@millrace/testing/Orchestration"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, Option, Stream } from "effect"
import { execFileSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { send } from "../../test/support/Fixture.ts"
import * as Hosted from "../../test/support/Hosted.ts"

interface Body {
  readonly expected?: string
  readonly threadId?: string
  readonly checkpoint?: string
}

const git = (cwd: string, ...args: ReadonlyArray<string>) =>
  execFileSync("git", ["-c", "user.name=A", "-c", "user.email=a@example.com", ...args], { cwd, encoding: "utf8" }).trim()

const repository = Effect.map(temporaryDirectory, (directory) => {
  const cwd = realpathSync(directory)
  git(cwd, "init", "-q", "-b", "main")
  writeFileSync(join(cwd, "a"), "1\n")
  git(cwd, "add", "-A")
  git(cwd, "commit", "-qm", "one")
  return cwd
})

/** A server on the data directory of an earlier one, if there is one. */
const start = (earlier?: Pick<Hosted.Hosted, "dataDir">) =>
  Effect.map(
    Hosted.start(earlier, undefined, {
      checkpointing: { wait: "60 seconds", closeWithin: "60 seconds" },
      engine: { approve: [{ name: "any", match: { kind: "command" }, decision: "accept" }] }
    }),
    (hosted) => {
      const post = (path: string, body: object) =>
        Effect.map(
          send(`${hosted.url}/api${path}`, {
            method: "POST",
            headers: { authorization: `Bearer ${hosted.token}`, "accept-encoding": "identity" },
            body: JSON.stringify(body)
          }),
          (answer) => ({ ...(JSON.parse(answer.body) as Body), status: answer.status })
        )
      const until = (isLast: (event: LogEvent) => boolean) =>
        hosted.host.follow({}).pipe(
          Stream.filterMap((frame) => (frame._tag === "event" && isLast(frame.event) ? Option.some(frame.event) : Option.none())),
          Stream.runHead,
          Effect.flatten,
          Effect.map(({ actor, data }) => ({ actor, data: data as Record<string, unknown> }))
        )
      const turn = (cwd: string, text: string, event = "turn.completed") =>
        Effect.gen(function* () {
          const { threadId, turnId } = yield* hosted.host.dispatch(
            command("thread.create", { provider: "demo", cwd, turn: { text } })
          )
          yield* until(({ data, type }) => type === event && (data as { readonly turnId?: string }).turnId === turnId)
          return { threadId: threadId as ThreadId, turnId }
        })
      return { ...hosted, post, until, turn }
    }
  )

it.scopedLive("W7 C2 a preview, a rewind with a fork, the same command again, and the way back, over HTTP", () =>
  Effect.gen(function* () {
    const cwd = yield* repository
    const { post, turn, until } = yield* start()
    const { threadId, turnId } = yield* turn(cwd, "[[run cp a b]]")
    const request = { turnId, files: true, conversation: true }
    // Right after the end of the turn: it waits for the checkpoint.
    const preview = yield* post(`/threads/${threadId}/rewind/preview`, request)
    const b = { path: "b", change: "delete", changedSince: false }
    expect(preview).toEqual({ status: 200, expected: expect.any(String), files: [b], conversation: "fork" })
    writeFileSync(join(cwd, "own"), "mine")
    git(cwd, "add", "own")
    const index = readFileSync(join(cwd, ".git/index"))
    const rewind = (commandId: string, more: object) => post("/commands", { commandId, type: "thread.rewind", threadId, ...more })
    const { expected } = preview

    writeFileSync(join(cwd, "b"), "changed")
    expect(yield* rewind("stale", { ...request, expected })).toMatchObject({ status: 422, rule: "WorkspaceChanged" })
    expect(yield* rewind("bold", { ...request })).toMatchObject({ status: 422, rule: "WorkspaceChanged" })
    writeFileSync(join(cwd, "b"), "1\n")
    expect(yield* rewind("other", { turnId: "trn_none", files: true })).toMatchObject({ status: 422, rule: "NoCheckpoint" })
    const running = yield* turn(cwd, "[[ask go on?]]", "request.opened")
    expect(yield* rewind("busy", { ...request, expected })).toMatchObject({
      status: 422,
      rule: "TurnActive",
      id: running.threadId
    })
    yield* post("/commands", { commandId: "stop", type: "turn.interrupt", threadId: running.threadId })
    yield* until(({ type }) => type === "turn.interrupted")
    expect(existsSync(join(cwd, "b"))).toBe(true)

    const done = yield* rewind("go", { ...request, expected })
    expect(done).toMatchObject({ status: 200, threadId: expect.stringMatching(/^thr_/), checkpoint: expect.any(String) })
    expect([existsSync(join(cwd, "b")), done.threadId === threadId]).toEqual([false, false])
    const { checkpoint, threadId: forkId } = done
    const event = yield* until(({ type }) => type === "thread.rewound")
    expect(event).toEqual({ actor: "test", data: { threadId, turnId, checkpoint, files: 1, forkId } })
    writeFileSync(join(cwd, "b"), "later")
    expect(yield* rewind("go", { ...request, expected })).toEqual({ ...done, replayed: true })
    expect(readFileSync(join(cwd, "b"), "utf8")).toBe("later")
    rmSync(join(cwd, "b"))
    expect(yield* rewind("back", { checkpoint })).toMatchObject({ status: 200, threadId, checkpoint: expect.any(String) })
    expect([readFileSync(join(cwd, "b"), "utf8"), readFileSync(join(cwd, "own"), "utf8")]).toEqual(["1\n", "mine"])
    expect(readFileSync(join(cwd, ".git/index"))).toEqual(index)

    const discard = (commandId: string, more: object) =>
      post("/commands", { commandId, type: "workspace.discard", threadId, ...more })
    expect(yield* discard("own", { paths: ["b", "own"] })).toMatchObject({ status: 422, rule: "NothingToDiscard" })
    const shown = yield* post(`/threads/${threadId}/rewind/preview`, { paths: ["b"] })
    expect(shown).toEqual({ status: 200, expected: expect.any(String), files: [b], conversation: "none" })
    const gone = yield* discard("b", { paths: ["b"], expected: shown.expected })
    expect([gone.status, existsSync(join(cwd, "b")), existsSync(join(cwd, "own"))]).toEqual([200, false, true])
    const discarded = yield* until(({ data, type }) => type === "thread.rewound" && "paths" in (data as object))
    expect(discarded).toEqual({ actor: "test", data: { threadId, checkpoint: gone.checkpoint, files: 1, paths: ["b"] } })
    expect(yield* discard("b", { paths: ["b"], expected: shown.expected })).toEqual({ ...gone, replayed: true })
    expect(yield* rewind("back-b", { checkpoint: gone.checkpoint })).toMatchObject({ status: 200 })
    expect([readFileSync(join(cwd, "b"), "utf8"), readFileSync(join(cwd, ".git/index"))]).toEqual(["1\n", index])
    expect(yield* rewind("talk", { turnId, files: false, conversation: true })).toMatchObject({ status: 200 })
  })
)

it.scopedLive("W8 a rewind that the end of a server cut off is an event of the next one, and there is a way back", () =>
  Effect.gen(function* () {
    const cwd = yield* repository
    const dataDir = yield* temporaryDirectory
    const first = yield* Effect.scoped(
      Effect.gen(function* () {
        const hosted = yield* start({ dataDir })
        const { threadId, turnId } = yield* hosted.turn(cwd, "[[run cp a b]]")
        const { checkpoint } = yield* hosted.post("/commands", {
          commandId: "go",
          type: "thread.rewind",
          threadId,
          turnId,
          files: true
        })
        return { threadId, turnId, checkpoint: String(checkpoint) }
      })
    )
    const { checkpoint, threadId, turnId } = first
    const [name = ""] = readdirSync(join(dataDir, "workspaces"))
    const to = git(cwd, "rev-parse", `refs/millrace/threads/${threadId}/rewinds/${checkpoint}/to`)
    // As a server leaves it that is killed before the file is removed.
    writeFileSync(join(cwd, "b"), "1\n")
    writeFileSync(join(cwd, ".millrace-rewind-k-1"), "1")
    const journal = { id: "k", threadId, turnId, actor: "someone", from: checkpoint, to, paths: ["b"] }
    writeFileSync(join(dataDir, "workspaces", name, "rewind.json"), JSON.stringify(journal))
    const { post, until } = yield* start({ dataDir })
    const { actor, data } = yield* until(({ type, data }) => type === "thread.rewound" && "incomplete" in (data as object))
    expect([actor, data]).toEqual([
      "someone",
      { threadId, turnId, checkpoint, files: 0, paths: ["b"], incomplete: expect.stringContaining(checkpoint) }
    ])
    expect([existsSync(join(cwd, ".millrace-rewind-k-1")), readFileSync(join(cwd, "b"), "utf8")]).toEqual([false, "1\n"])
    const back = yield* post("/commands", { commandId: "back", type: "thread.rewind", threadId, checkpoint })
    expect([back.status, readFileSync(join(cwd, "b"), "utf8")]).toEqual([200, "1\n"])
  })
)
