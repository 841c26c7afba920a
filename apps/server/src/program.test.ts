import { spawnSync } from "node:child_process"
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import { describe, it } from "@effect/vitest"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import { expect } from "vitest"

const make = Effect.gen(function* () {
  const folder = yield* temporaryDirectory
  const bundle = join(folder, "program.cjs")
  copyFileSync(join(import.meta.dirname, "program.mjs"), join(folder, "main.mjs"))
  // A Node without SQLite looks for this package before it starts the program.
  const driver = join(folder, "node_modules/better-sqlite3")
  mkdirSync(driver, { recursive: true })
  writeFileSync(join(driver, "index.js"), "")
  const home = join(folder, "home/millrace")
  return {
    withoutDriver: () => rmSync(driver, { recursive: true }),
    is: (words: string) =>
      writeFileSync(bundle, `const told = () => console.log("${words}", require("node:path").basename(__filename))\ntold()\n`),
    run: (environment: Readonly<Record<string, string>> = {}) =>
      spawnSync(process.execPath, [join(folder, "main.mjs")], {
        encoding: "utf8",
        env: { ...process.env, NODE_PATH: "", XDG_CACHE_HOME: join(folder, "home"), ...environment }
      }),
    kept: () => (existsSync(home) ? readdirSync(home) : []),
    at: (name: string) => join(home, name)
  }
})

describe("the built program", () => {
  it.scopedLive("the first run stores its whole compile cache, which belongs to exactly this build", () =>
    Effect.gen(function* () {
      const { at, is, kept, run } = yield* make
      is("one")
      expect(run()).toMatchObject({ stdout: "one program.cjs\n", stderr: "", status: 0 })
      const [first = ""] = kept()
      expect(kept()).toEqual([first])
      const code = readFileSync(at(first))
      expect(run().stdout).toBe("one program.cjs\n")
      expect(readFileSync(at(first)).equals(code)).toBe(true)
      // The source has the same length, otherwise V8 would reject the compiled code for its length.
      is("two")
      expect(run().stdout).toBe("two program.cjs\n")
      expect(kept()).toHaveLength(2)
      expect(kept().every((name) => name.includes(process.version))).toBe(true)
    })
  )

  it.scopedLive("a truncated compile cache is harmless: the program runs and stores it again", () =>
    Effect.gen(function* () {
      const { at, is, kept, run } = yield* make
      is("one")
      run()
      const [name = ""] = kept()
      const whole = statSync(at(name)).size
      for (const bytes of [100, 10, 0]) {
        truncateSync(at(name), bytes)
        expect(run()).toMatchObject({ stdout: "one program.cjs\n", stderr: "", status: 0 })
        expect(statSync(at(name)).size).toBe(whole)
      }
      expect(kept()).toEqual([name])
    })
  )

  it.scopedLive("X8 a cache that others can write, a relative one, or none at all: the program compiles and runs", () =>
    Effect.gen(function* () {
      const { at, is, kept, run } = yield* make
      is("one")
      run()
      const [name = ""] = kept()
      chmodSync(at(name), 0o666)
      const planted = statSync(at(name)).mtimeMs
      const fine = { stdout: "one program.cjs\n", stderr: "", status: 0 }
      expect(run()).toMatchObject(fine)
      expect(statSync(at(name)).mtimeMs, "it was not used, and is written again").not.toBe(planted)
      expect(statSync(at(name)).mode & 0o777).toBe(0o600)
      for (const environment of [{ XDG_CACHE_HOME: "/dev/null" }, { XDG_CACHE_HOME: "cache", HOME: "/dev/null" }])
        expect(run(environment)).toMatchObject(fine)
    })
  )

  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
  it.scopedLive.skipIf(major > 22 || (major === 22 && minor >= 13))(
    "a Node without SQLite and without better-sqlite3: one sentence with what to do, exit 2 (only on Node before 22.13)",
    () =>
      Effect.gen(function* () {
        const { is, run, withoutDriver } = yield* make
        is("one")
        withoutDriver()
        const { status, stderr, stdout } = run()
        expect([status, stdout, stderr.trim().split("\n").length]).toEqual([2, "", 1])
        expect(stderr).toContain("use Node 22.13 or newer")
      })
  )
})
