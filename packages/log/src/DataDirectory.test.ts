import { describe, expect, it } from "@effect/vitest"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, Option } from "effect"
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import * as DataDirectory from "./DataDirectory.ts"
import * as EventLogSqlite from "./EventLogSqlite.ts"
import { range } from "./suite/subject.ts"
import { bundled, start } from "../test/child.ts"

const message = (line: string) => JSON.parse(line) as { readonly won?: number; readonly lost?: number; readonly message?: string }

describe("DataDirectory", () => {
  it.live("L8 20 starts on one directory: one owner, every loser names it, and kill -9 frees it", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const directory = `${yield* temporaryDirectory}/data`
        const program = yield* bundled("owner-child")
        const children = yield* Effect.forEach(range(1, 20), () => start(program, [directory]))
        const answers = (yield* Effect.forEach(children, ({ line }) => line, { concurrency: "unbounded" })).map(message)
        const winners = answers.flatMap(({ won }) => (won === undefined ? [] : [won]))
        expect(winners).toHaveLength(1)
        const [pid] = winners
        const losers = answers.filter(({ won }) => won === undefined)
        expect(losers.map(({ lost }) => lost)).toEqual(range(1, 19).map(() => pid))
        expect(losers[0]?.message).toContain(`kill ${pid}`)
        // The clean-up of the losers leaves the owner's file.
        expect(JSON.parse(readFileSync(`${directory}/owner.json`, "utf8"))).toMatchObject({ pid })
        expect(Option.map(yield* DataDirectory.owner(directory), (owner) => owner.pid)).toEqual(Option.some(pid))
        const winner = children.find((child) => child.process.pid === pid)!
        winner.process.kill("SIGKILL")
        yield* winner.end
        // The file of the dead owner remains, and is ignored.
        expect(existsSync(`${directory}/owner.json`)).toBe(true)
        expect(yield* DataDirectory.owner(directory)).toEqual(Option.none())
        const next = yield* start(program, [directory])
        expect(message(yield* next.line).won).toBe(next.process.pid)
      })
    )
  )

  it.scoped("W1 in a git repository the directory is hidden from git; a .gitignore that exists stays as it is", () =>
    Effect.gen(function* () {
      const directory = `${yield* temporaryDirectory}/data`
      yield* Effect.scoped(DataDirectory.make(directory))
      expect(readFileSync(`${directory}/.gitignore`, "utf8").split("\n")).toContain("*")
      writeFileSync(`${directory}/.gitignore`, "mine")
      yield* Effect.scoped(DataDirectory.make(directory))
      expect(readFileSync(`${directory}/.gitignore`, "utf8")).toBe("mine")
    })
  )

  it.scoped("L8 within one process a second owner is refused until the first releases the directory", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      yield* Effect.scoped(
        Effect.gen(function* () {
          const first = yield* DataDirectory.make(directory)
          yield* first.announce({ url: "http://127.0.0.1:7717" })
          expect(yield* DataDirectory.owner(directory)).toMatchObject(
            Option.some({ pid: process.pid, details: { url: "http://127.0.0.1:7717" } })
          )
          const refused = yield* Effect.flip(Effect.scoped(DataDirectory.make(directory)))
          expect({ ...refused, _tag: refused._tag }).toMatchObject({ _tag: "DataDirectoryOwned", pid: process.pid })
        })
      )
      expect(existsSync(`${directory}/owner.json`)).toBe(false)
      expect(yield* DataDirectory.owner(directory)).toEqual(Option.none())
      yield* Effect.scoped(DataDirectory.make(directory))
    })
  )

  it.scoped("X5 the directory is created for its owner only", () =>
    Effect.gen(function* () {
      const directory = `${yield* temporaryDirectory}/a/b`
      const opened = yield* DataDirectory.make(directory)
      expect(statSync(directory).mode & 0o777).toBe(0o700)
      expect(statSync(`${directory}/owner.json`).mode & 0o777).toBe(0o600)
      expect(opened.logFile).toBe(`${directory}/log.db`)
      expect(opened.file("x")).toBe(`${directory}/x`)
    })
  )

  it.scoped("a path that is a file, or lies below one, fails with advice", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      writeFileSync(`${directory}/file`, "")
      for (const path of [`${directory}/file`, `${directory}/file/below`]) {
        const error = yield* Effect.flip(Effect.scoped(DataDirectory.make(path)))
        expect({ ...error, _tag: error._tag }).toMatchObject({ _tag: "DataDirectoryUnusable", reason: "not-a-directory" })
        expect(error.message).toContain("--data")
      }
    })
  )

  // Root may write to any other directory.
  it.scoped("a directory that cannot be created fails with advice, also for root", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.scoped(DataDirectory.make("/proc/millrace/data")))
      expect(error).toMatchObject({ _tag: "DataDirectoryUnusable", reason: "not-writable" })
      expect(error.message).toContain("--data")
    })
  )

  it.scoped("X4 only this user can read the files in the directory", () =>
    Effect.gen(function* () {
      const { path, logFile } = yield* DataDirectory.make(`${yield* temporaryDirectory}/a/b`)
      yield* EventLogSqlite.make({ file: logFile })
      expect(statSync(path).mode & 0o777).toBe(0o700)
      for (const name of readdirSync(path).filter((file) => file.startsWith("log.db")))
        expect((statSync(`${path}/${name}`).mode & 0o777).toString(8), name).toBe("600")
    })
  )
})
