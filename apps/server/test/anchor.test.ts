/** The data directory under a running server and between two servers: removed, moved, replaced, restored, copied. */
import { describe, expect, it } from "@effect/vitest"
import { run } from "@millrace/testing/Program"
import { serve, type ServerProcess } from "@millrace/testing/ServerProcess"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { renameSync, rmSync } from "node:fs"

const ask = ({ token, url }: { readonly url: string; readonly token: string }, path: string, init: RequestInit = {}) =>
  Effect.promise(async () => {
    const response = await fetch(`${url}${path}`, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  })

const create = (server: ServerProcess, cwd: string) =>
  ask(server, "/api/threads", { method: "POST", body: JSON.stringify({ provider: "demo", cwd }) })

const stop = (server: ServerProcess) => Effect.zipRight(server.kill("SIGTERM"), server.ended)

describe("the data directory of a server", () => {
  it.live("L12 the log removed, or the directory moved away and back: 503 with the reason, on /ready, commands and tokens", () =>
    Effect.gen(function* () {
      const cwd = yield* temporaryDirectory
      const dataDir = `${yield* temporaryDirectory}/data`
      const server = yield* serve({ dataDir })
      expect(yield* create(server, cwd)).toMatchObject({ status: 200 })

      renameSync(dataDir, `${dataDir}-away`)
      expect(yield* ask(server, "/ready")).toMatchObject({
        status: 503,
        body: { status: "unavailable", reason: expect.stringContaining("moved, removed or replaced") }
      })
      expect(yield* ask(server, "/api/state")).toMatchObject({
        status: 503,
        body: { _tag: "StorageUnavailable", message: expect.stringContaining("moved, removed or replaced") }
      })
      renameSync(`${dataDir}-away`, dataDir)
      expect(yield* ask(server, "/ready")).toEqual({ status: 200, body: { status: "ok" } })
      expect(yield* create(server, cwd)).toMatchObject({ status: 200 })

      rmSync(`${dataDir}/log.db`)
      expect(yield* ask(server, "/ready")).toMatchObject({
        status: 503,
        body: { status: "unavailable", reason: expect.stringContaining("log.db no longer exists") }
      })
      expect(yield* create(server, cwd)).toMatchObject({
        status: 503,
        body: { _tag: "StorageUnavailable", message: expect.stringContaining("log.db no longer exists") }
      })
    }).pipe(Effect.scoped)
  )

  it.live(
    "L8 L12 owner.db removed under a running server: a second start fails and names the first server, which continues",
    () =>
      Effect.gen(function* () {
        const cwd = yield* temporaryDirectory
        const dataDir = `${yield* temporaryDirectory}/data`
        const server = yield* serve({ dataDir })
        for (const names of [["owner.db"], ["owner.db", "owner.json"]]) {
          for (const name of names) rmSync(`${dataDir}/${name}`)
          const second = yield* run(["serve", "--port", "0", "--data", dataDir])
          expect(second.code).toBe(1)
          // Without owner.json the second server names the first only if the first has written the file again by then.
          expect(second.stderr).toContain(names.length === 1 ? `is used by process ${server.pid}` : "is used by")
          expect(yield* create(server, cwd)).toMatchObject({ status: 200 })
        }
      }).pipe(Effect.scoped)
  )

  it.live("L12 D3 a restored backup: a new epoch, reported at start, by verify and by doctor; an old cursor stays foreign", () =>
    Effect.gen(function* () {
      const cwd = yield* temporaryDirectory
      const root = yield* temporaryDirectory
      const dataDir = `${root}/data`
      const backup = `${root}/backup`
      const first = yield* serve({ dataDir })
      yield* create(first, cwd)
      yield* stop(first)
      execFileSync("cp", ["-a", dataDir, backup])
      const second = yield* serve({ dataDir })
      const { cursor } = (yield* create(second, cwd)).body
      yield* stop(second)
      expect(yield* run(["verify", "--data", dataDir])).toMatchObject({ code: 0 })
      // Overwrites the existing files, which keep their inodes.
      execFileSync("cp", ["-a", `${backup}/.`, dataDir])

      const before = yield* run(["verify", "--data", dataDir])
      expect(before.code).toBe(1)
      expect(before.stdout).toContain("Files of a copy were written over this data directory")
      const third = yield* serve({ dataDir })
      // The new history becomes longer than the lost one.
      for (let n = 0; n < 4; n++) yield* create(third, cwd)
      expect(yield* ask(third, `/api/events?after=${String(cursor)}`)).toMatchObject({
        status: 409,
        body: { _tag: "CursorForeign" }
      })
      const { body } = yield* ask(third, "/api/events?stream=server")
      expect(body).toMatchObject([{ stream: "server", version: 1, type: "log.rewound", data: { from: expect.any(Number) } }])
      const doctor = yield* run(["doctor", "--json", "--port", "0", "--data", dataDir])
      expect(doctor.stdout).toContain("rewound from")
      yield* stop(third)
      expect((yield* third.ended).stderr).toContain("409 CursorForeign")
      const after = yield* run(["verify", "--data", dataDir])
      expect(after).toMatchObject({ code: 0, stdout: expect.stringContaining("rewound from") })
    }).pipe(Effect.scoped)
  )
})
