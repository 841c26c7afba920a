/** `millrace serve` with the real host, as a process: how it starts, how it is found, how it ends. */
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Program from "@millrace/testing/Program"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"

const serve = (dataDir: string, ...args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const server = yield* Program.start(["serve", "--port", "0", "--data", dataDir, ...args])
    yield* server.until("ready at")
    return server
  })
const events = (stdout: string) =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { readonly offset: number; readonly type: string })

describe("millrace serve", () => {
  it.live("D2 L2 tail follows over a kill -9 and a restart on another port: the whole log, once, in order; verify agrees", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryDirectory
      const data = ["--data", dataDir]
      const first = yield* serve(dataDir)
      const tail = yield* Program.start(["tail", "--json", ...data])
      expect(yield* Program.run(["run", "[[say one]]", ...data])).toMatchObject({ code: 0, stdout: "one\n" })
      yield* tail.until('"turn.completed"')
      yield* first.kill("SIGKILL")
      yield* first.ended
      yield* tail.until("Retrying")
      const second = yield* serve(dataDir)
      yield* tail.until("Reconnected")
      expect(yield* Program.run(["run", "[[say two]]", ...data])).toMatchObject({ code: 0, stdout: "two\n" })
      expect(yield* Program.run(["verify", ...data])).toMatchObject({ code: 0 })
      const head = JSON.parse((yield* Program.run(["state", "--json", ...data])).stdout) as { readonly offset: number }
      yield* tail.until(`"offset":${head.offset},`)
      yield* tail.kill("SIGINT")
      const followed = events((yield* tail.ended).stdout)
      expect(followed.slice(0, head.offset).map(({ offset }) => offset)).toEqual(
        Array.from({ length: head.offset }, (_, n) => n + 1)
      )
      yield* second.kill("SIGTERM")
      expect(yield* second.ended).toMatchObject({ code: 0 })
    }).pipe(Effect.scoped)
  )

  it.live(
    "S10 one line when ready, the same in JSON for a parent; end of input, the parent's end and a signal shut it down in order, with exit code 0",
    () =>
      Effect.gen(function* () {
        const dataDir = yield* temporaryDirectory
        const server = yield* Program.start(["serve", "--port", "0", "--data", dataDir, "--ready-fd", "3", "--parent-fd", "4"], {
          descriptors: true
        })
        yield* server.until("\n")
        yield* server.until('"dataDir"')
        const ready = JSON.parse(server.so().extra) as Record<string, unknown>
        expect(ready).toMatchObject({ pid: server.pid, dataDir })
        expect(ready["token"]).toMatch(/^mlr_/)
        expect(server.so().stdout.trimEnd().split("\n")).toHaveLength(1)
        expect(server.so().stdout).toContain(`${String(ready["url"])}/pair?code=`)
        expect(existsSync(join(dataDir, "server.json"))).toBe(true)
        yield* server.closeParent
        const ended = yield* server.ended
        expect(ended).toMatchObject({ code: 0, signal: null })
        expect(ended.stderr).toContain("the parent process has exited")
        expect(existsSync(join(dataDir, "server.json"))).toBe(false)
        const again = yield* serve(dataDir)
        yield* again.kill("SIGHUP")
        expect(yield* again.ended).toMatchObject({ code: 0, signal: null })
      }).pipe(Effect.scoped)
  )

  it.live(
    "S6 S10 T2 a turn that hangs: the first signal waits for it, the second kills it and its terminal is in the log, the third exits at once",
    () =>
      Effect.gen(function* () {
        const dataDir = yield* temporaryDirectory
        const hanging = Effect.gen(function* () {
          const server = yield* serve(dataDir)
          const run = yield* Program.start(["run", "[[say begun]] [[hang]]", "--data", dataDir])
          yield* run.until("begun")
          yield* server.kill("SIGTERM")
          yield* server.until("A second signal")
          yield* server.kill("SIGTERM")
          return { server, run }
        })
        const forced = yield* hanging
        expect(yield* forced.run.ended, "the end was committed, and delivered").toMatchObject({ code: 3 })
        expect(yield* forced.server.ended).toMatchObject({ code: 0, signal: null })
        expect(yield* Program.run(["verify", "--data", dataDir])).toMatchObject({ code: 0 })
        const left = yield* hanging
        yield* left.server.until("stopping without waiting")
        yield* left.server.kill("SIGTERM")
        expect(yield* left.server.ended).toMatchObject({ code: 143 })
      }).pipe(Effect.scoped)
  )

  it.live(
    "L8 X2 failed starts exit with 1 or 2 and one line: directory owned, port in use, no directory, public without authentication, no descriptor",
    () =>
      Effect.gen(function* () {
        const dataDir = yield* temporaryDirectory
        const other = yield* temporaryDirectory
        const server = yield* serve(dataDir)
        const port = /127\.0\.0\.1:([0-9]+)/.exec(server.so().stdout)?.[1] ?? ""
        const file = join(other, "file")
        writeFileSync(file, "")
        const bad: ReadonlyArray<readonly [ReadonlyArray<string>, number, string]> = [
          [["--port", "0", "--data", dataDir], 1, `process ${server.pid}`],
          [["--port", port, "--data", other], 1, `Port ${port} on 127.0.0.1 is in use`],
          [["--port", "0", "--data", file], 1, "is not a directory"],
          [["--host", "0.0.0.0", "--no-auth", "--port", "0", "--data", join(other, "x")], 2, "without authentication"],
          [["--ready-fd", "77", "--port", "0", "--data", join(other, "y")], 2, "descriptor 77 is not open"]
        ]
        for (const [args, code, words] of bad) {
          const ended = yield* Program.run(["serve", ...args])
          expect(ended, args.join(" ")).toMatchObject({ code, stdout: "" })
          expect(ended.stderr.trimEnd().split("\n"), ended.stderr).toHaveLength(1)
          expect(ended.stderr).toContain(words)
        }
        expect(yield* Program.run(["state", "--data", dataDir])).toMatchObject({ code: 0 })
      }).pipe(Effect.scoped)
  )

  it.live(
    "S6 L2 a server whose scopes never close exits at the deadline with a message and loses nothing; the next one starts",
    () =>
      Effect.gen(function* () {
        const dataDir = yield* temporaryDirectory
        const server = yield* Program.start(["serve", "--port", "0", "--data", dataDir], {
          env: { MILLRACE_FAILPOINT: "never-down:2" }
        })
        yield* server.until("ready at")
        expect(yield* Program.run(["run", "[[say one]]", "--data", dataDir])).toMatchObject({ code: 0, stdout: "one\n" })
        yield* server.kill("SIGTERM")
        // Without the forced exit this would wait indefinitely.
        const ended = yield* server.ended
        expect(ended).toMatchObject({ code: 1, signal: null })
        expect(ended.stderr).toContain("The server did not shut down within 2 seconds and exits now.")
        expect(yield* Program.run(["verify", "--data", dataDir])).toMatchObject({ code: 0 })
        const next = yield* serve(dataDir)
        expect((yield* Program.run(["threads", "--json", "--data", dataDir])).stdout).toContain('"idle"')
        yield* next.kill("SIGTERM")
        expect(yield* next.ended).toMatchObject({ code: 0 })
      }).pipe(Effect.scoped)
  )
})
