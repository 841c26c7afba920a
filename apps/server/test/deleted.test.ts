/** The text of a deleted thread is removed from every file of the data directory. Uses real processes, also a server that is killed right after the answer. */
import { describe, expect, it } from "@effect/vitest"
import { run } from "@millrace/testing/Program"
import { serve, type ServerProcess } from "@millrace/testing/ServerProcess"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, Schedule } from "effect"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

const call = ({ token, url }: ServerProcess, path: string, body?: object) =>
  Effect.promise(async () => {
    const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }
    const response = await fetch(`${url}${path}`, { ...init, headers: { authorization: `Bearer ${token}` } })
    return { status: response.status, text: await response.text() }
  })

const parse = <A>(text: string): A => JSON.parse(text) as A

interface Event {
  readonly offset: number
  readonly stream: string
  readonly version: number
  readonly type: string
}

const eventsOf = (server: ServerProcess) =>
  Effect.map(call(server, "/api/events"), ({ text }) => parse<ReadonlyArray<Event>>(text))

/** A file that the server has removed meanwhile contains nothing. */
const contains = (path: string, word: string): boolean => existsSync(path) && readFileSync(path).includes(word)

/** The files below the directory that contain the word. */
const filesWith = (directory: string, word: string): ReadonlyArray<string> =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && contains(join(entry.parentPath, entry.name), word))
    .map(({ name }) => name)

/** A thread that said its word in every way that the demo agent knows, and whose last turn waits for an approval. */
const talk = (server: ServerProcess, cwd: string, word: string) =>
  Effect.gen(function* () {
    const said = `${word}-prompt [[think ${word}-thought]] [[say ${word}-answer]] [[deltas 50 0]]`
    const { text } = yield* call(server, "/api/threads", { provider: "demo", cwd, title: `${word} title`, turn: { text: said } })
    const { threadId, turnId } = parse<{ readonly threadId: string; readonly turnId: string }>(text)
    yield* call(server, `/api/turns/${turnId}?wait=60`)
    const large = `${word}-large `.repeat(6_000)
    yield* call(server, `/api/threads/${threadId}/turns`, { text: `[[run echo ${word}-command]] ${large}` })
    let open: ReadonlyArray<unknown> = []
    while (open.length === 0) {
      const page = yield* call(server, `/api/events?wait=30&stream=thread/${threadId}&types=request.opened`)
      open = parse<ReadonlyArray<unknown>>(page.text)
    }
    return threadId
  })

const remove = (server: ServerProcess, threadId: string) =>
  call(server, "/api/commands", { commandId: `delete-${threadId}`, type: "thread.delete", threadId })

/** Returns when no file has the word: a server erases within seconds. */
const erased = (directory: string, word: string) =>
  Effect.repeat(
    Effect.sync(() => filesWith(directory, word).length),
    { until: (left) => left === 0, schedule: Schedule.spaced("100 millis") }
  )

const stop = (server: ServerProcess) => Effect.zipRight(server.kill("SIGTERM"), server.ended)

describe("L14 a deleted thread", () => {
  it.live("leaves no word in any file; its events keep their positions, its readers see the end, other threads stay", () =>
    Effect.gen(function* () {
      const cwd = yield* temporaryDirectory
      const dataDir = `${yield* temporaryDirectory}/data`
      const server = yield* serve({ dataDir })
      const kept = yield* talk(server, cwd, "kingfisher")
      const threadId = yield* talk(server, cwd, "nightjar")
      const before = yield* eventsOf(server)
      const follower = yield* Effect.fork(
        Effect.promise(async () => {
          const headers = { authorization: `Bearer ${server.token}`, accept: "text/event-stream" }
          return (await fetch(`${server.url}/api/events?stream=thread/${threadId}`, { headers })).text()
        })
      )
      expect((yield* call(server, "/api/search?q=nightjar")).text).toContain(threadId)
      expect((yield* remove(server, threadId)).status).toBe(200)
      expect(yield* follower).toContain("event: end")

      const after = yield* eventsOf(server)
      const position = ({ offset, stream, version }: Event) => ({ offset, stream, version })
      expect(after.slice(0, before.length).map(position)).toEqual(before.map(position))
      const own = after.filter(({ stream }) => stream === `thread/${threadId}`)
      expect(new Set(own.slice(0, -1).map(({ type }) => type))).toEqual(new Set(["log.forgotten"]))
      expect(own.at(-1)?.type).toBe("thread.deleted")
      expect(JSON.stringify(after)).not.toContain("nightjar")
      expect(after.filter(({ stream }) => stream === `thread/${kept}`)).toEqual(
        before.filter(({ stream }) => stream === `thread/${kept}`)
      )
      for (const path of ["/items", "/turns", ""])
        expect((yield* call(server, `/api/threads/${threadId}${path}`)).text).not.toContain("nightjar")
      expect((yield* call(server, "/api/state")).text).not.toContain("nightjar")
      yield* erased(dataDir, "nightjar")
      yield* stop(server)
      expect(filesWith(dataDir, "nightjar")).toEqual([])
      expect(filesWith(dataDir, "kingfisher-answer")).not.toEqual([])
      expect(yield* run(["verify", "--data", dataDir])).toMatchObject({ code: 0 })
      // Neither has a backup that is made later, nor the directory into which it is restored.
      const copies = yield* temporaryDirectory
      expect(yield* run(["log", "backup", `${copies}/backup`, "--data", dataDir])).toMatchObject({ code: 0 })
      expect(yield* run(["log", "restore", `${copies}/backup`, "--data", `${copies}/restored`])).toMatchObject({ code: 0 })
      expect(existsSync(`${copies}/restored/log.db`)).toBe(true)
      expect(filesWith(copies, "nightjar")).toEqual([])
      const again = yield* serve({ dataDir })
      expect((yield* call(again, "/api/search?q=nightjar")).text).not.toContain(threadId)
      expect((yield* call(again, "/api/search?q=kingfisher")).text).toContain(kept)
      yield* stop(again)
    }).pipe(Effect.scoped)
  )

  it.live("is erased before a server that is stopped right after the answer has ended", () =>
    Effect.gen(function* () {
      const cwd = yield* temporaryDirectory
      const dataDir = `${yield* temporaryDirectory}/data`
      const server = yield* serve({ dataDir })
      const threadId = yield* talk(server, cwd, "nightjar")
      expect((yield* call(server, "/api/search?q=nightjar")).text).toContain(threadId)
      expect((yield* remove(server, threadId)).status).toBe(200)
      yield* stop(server)
      expect(filesWith(dataDir, "nightjar")).toEqual([])
      expect(yield* run(["verify", "--data", dataDir])).toMatchObject({ code: 0 })
    }).pipe(Effect.scoped)
  )

  it.live("is erased by the next start if the server is killed right after the answer", () =>
    Effect.gen(function* () {
      const cwd = yield* temporaryDirectory
      const dataDir = `${yield* temporaryDirectory}/data`
      const server = yield* serve({ dataDir })
      const threadId = yield* talk(server, cwd, "nightjar")
      expect((yield* remove(server, threadId)).status).toBe(200)
      yield* server.kill("SIGKILL")
      yield* server.ended
      const again = yield* serve({ dataDir })
      expect((yield* call(again, "/api/events")).text).not.toContain("nightjar")
      yield* erased(dataDir, "nightjar")
      yield* stop(again)
      expect(filesWith(dataDir, "nightjar")).toEqual([])
      expect(yield* run(["verify", "--data", dataDir])).toMatchObject({ code: 0 })
    }).pipe(Effect.scoped)
  )

  for (const moment of ["right after the answer", "before the answer"] as const)
    it.live(`and its project's other threads go together: all or none if the server is killed ${moment} of project.delete`, () =>
      Effect.gen(function* () {
        const dataDir = `${yield* temporaryDirectory}/data`
        const server = yield* serve({ dataDir })
        const ask = (cwd: string, word: string) =>
          Effect.gen(function* () {
            const text = `${word}-prompt [[say ${word}-answer]] ${`${word}-long `.repeat(2_000)}`
            const { text: answer } = yield* call(server, "/api/threads", { provider: "demo", cwd, title: word, turn: { text } })
            const made = parse<{ readonly projectId: string; readonly threadId: string; readonly turnId: string }>(answer)
            yield* call(server, `/api/turns/${made.turnId}?wait=60`)
            return made
          })
        const cwd = yield* temporaryDirectory
        const threads = [yield* ask(cwd, "nightjar"), yield* ask(cwd, "nightjar"), yield* ask(cwd, "nightjar")]
        const kept = yield* ask(yield* temporaryDirectory, "kingfisher")
        expect((yield* call(server, "/api/search?q=nightjar")).text).toContain(threads[0]!.threadId)
        const { projectId } = threads[0]!
        const send = call(server, "/api/commands", { commandId: "purge", type: "project.delete", projectId, purge: true })
        if (moment === "before the answer") yield* Effect.forkScoped(Effect.exit(send))
        else expect((yield* send).status).toBe(200)
        yield* server.kill("SIGKILL")
        yield* server.ended

        const again = yield* serve({ dataDir })
        const deleted = (yield* eventsOf(again)).filter(
          ({ type }) => type === "thread.deleted" || type === "project.deleted"
        ).length
        expect(moment === "before the answer" ? [0, 4] : [4]).toContain(deleted)
        const state = (yield* call(again, "/api/state")).text
        for (const { threadId } of threads) expect(state.includes(threadId)).toBe(deleted === 0)
        expect(state.includes(projectId)).toBe(deleted === 0)
        // The same command again: its receipt, or the whole deletion.
        const repeated = { commandId: "purge", type: "project.delete", projectId, purge: true }
        expect((yield* call(again, "/api/commands", repeated)).status).toBe(200)
        yield* erased(dataDir, "nightjar")
        expect((yield* call(again, "/api/events")).text).not.toContain("nightjar")
        expect((yield* call(again, "/api/search?q=nightjar")).text).not.toContain("nightjar")
        expect((yield* call(again, "/api/search?q=kingfisher")).text).toContain(kept.threadId)
        yield* stop(again)
        expect(filesWith(dataDir, "nightjar")).toEqual([])
        expect(filesWith(dataDir, "kingfisher-answer")).not.toEqual([])
        expect(yield* run(["verify", "--data", dataDir])).toMatchObject({ code: 0 })
      }).pipe(Effect.scoped)
    )
})
