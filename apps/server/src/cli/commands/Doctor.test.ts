/** `millrace doctor` with a real server, and on the data directory of a killed one. */
import { existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Program from "@millrace/testing/Program"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import * as AgentProcesses from "../../AgentProcesses.ts"
import * as Discovery from "../client/Discovery.ts"

const doctor = (dataDir: string, port = ["--port", "0"]) =>
  Effect.map(Program.run(["doctor", "--json", ...port, "--data", dataDir]), ({ code, stdout }) => ({
    code,
    checks: (
      JSON.parse(stdout) as {
        readonly checks: ReadonlyArray<{ readonly name: string; readonly status: string; readonly found: string }>
      }
    ).checks
  }))

it.live("reports an unreadable token file, with which no server starts", () =>
  Effect.gen(function* () {
    const dataDir = yield* temporaryDirectory
    mkdirSync(join(dataDir, "tokens.jsonl"))
    const { checks, code } = yield* doctor(dataDir)
    expect(code).toBe(1)
    expect(checks.filter(({ status }) => status === "wrong")).toEqual([
      { name: "access", status: "wrong", found: expect.stringContaining("tokens.jsonl: EISDIR"), fix: expect.any(String) }
    ])
  }).pipe(Effect.scoped)
)

it.live(
  "P1 T5 the doctor reads a running server's metrics; after a kill it finds its agent, and neither ends nor settles anything",
  () =>
    Effect.gen(function* () {
      const dataDir = join(yield* temporaryDirectory, "data")
      const before = yield* doctor(dataDir)
      expect(before.code).toBe(0)
      expect(before.checks).toContainEqual({ name: "log", status: "ok", found: "created at the first start" })
      expect(existsSync(dataDir), "looking makes nothing").toBe(false)

      const server = yield* Program.start(["serve", "--port", "0", "--data", dataDir])
      yield* server.until("ready at")
      const run = yield* Program.start(["run", "[[say begun]] [[hang]]", "--data", dataDir])
      yield* run.until("begun")
      const beside = yield* doctor(dataDir)
      const { checks } = yield* doctor(dataDir, [])
      expect(checks).toContainEqual({
        name: "port",
        status: "ok",
        found: expect.stringMatching(/^\d+ is in use by this data directory's server$/)
      })
      const said = Object.fromEntries(beside.checks.map((check) => [check.name, check]))
      expect(said).toMatchObject({
        server: { status: "ok" },
        access: { status: "ok", found: "1 token or paired browser" },
        log: { status: "ok", found: expect.stringMatching(/^\d+ events, epoch /) },
        "agent processes": { status: "ok", found: expect.stringContaining("1 of demo") },
        readers: { found: expect.stringMatching(/^[1-9] readers? connected/) },
        clock: { status: "ok" }
      })

      yield* server.kill("SIGKILL")
      yield* server.ended
      yield* run.kill("SIGKILL")
      const alive = Effect.map(AgentProcesses.list(dataDir), (children) => children.filter(({ alive }) => alive).length)
      expect(yield* alive).toBe(1)
      const after = yield* doctor(dataDir)
      expect(after.code).toBe(1)
      expect(after.checks).toContainEqual({
        name: "agent processes",
        status: "wrong",
        found: "1 process without a session, left over from an earlier server",
        fix: "The next start ends them: millrace serve. To see them: millrace ps"
      })
      expect(yield* alive, "it only looked").toBe(1)
      const again = yield* Program.start(["serve", "--port", "0", "--data", dataDir])
      yield* again.until("ready at")
      expect(yield* alive).toBe(0)
      yield* again.kill("SIGTERM")
      expect(yield* again.ended).toMatchObject({ code: 0 })
    }).pipe(Effect.scoped)
)

it("reads the port of an address, also the default one", () => {
  const urls = ["http://127.0.0.1:7717", "http://127.0.0.1", "http://[::1]:80/", "https://example.test"]
  expect(urls.map(Discovery.portOf)).toEqual([7717, 80, 80, 443])
})
