import { expect, it } from "@effect/vitest"
import { layerMemory } from "@millrace/providers/process/Ledger"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, Layer } from "effect"
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Files from "./Files.ts"
import * as Git from "./Git.ts"

// With the real clock, because git is a real process.
const services = Files.layer.pipe(Layer.provideMerge(Git.layer), Layer.provide(layerMemory))
const sh = (cwd: string, ...args: ReadonlyArray<string>) =>
  execFileSync("git", ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "protocol.file.allow=always", ...args], {
    cwd,
    encoding: "utf8"
  })
const write = (root: string, ...paths: ReadonlyArray<string | Buffer>) => {
  for (const path of paths) {
    const whole = Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path)])
    mkdirSync(whole.subarray(0, whole.lastIndexOf("/")), { recursive: true })
    writeFileSync(whole, "x")
  }
}
const repository = Effect.map(temporaryDirectory, (root) => {
  sh(root, "init", "-q", "-b", "main")
  return root
})
const all = (root: string, query = "") =>
  Effect.gen(function* () {
    const { files, ...rest } = yield* (yield* Files.Files).search(root, { query, limit: 200 })
    return { paths: files.map(({ path }) => path).toSorted(), ...rest }
  })

it.scopedLive("W5 the files of a repository are the tracked and the untracked ones that exist, without ignored ones", () =>
  Effect.gen(function* () {
    const root = yield* repository
    const odd = ["new\nline", 'quo"te', "sp ace\t", "-dash", "ü/é.txt", `${"d".repeat(200)}/${"f".repeat(250)}`]
    write(root, ...odd, "src/a.ts", "src/gone.ts", "ignored.log", "dir/ignored.txt", Buffer.from([0x66, 0xff]))
    writeFileSync(join(root, ".gitignore"), "*.log\ndir/\n")
    symlinkSync("/etc/passwd", join(root, "link"))
    sh(root, "add", "src")
    sh(root, "commit", "-qm", "one")
    rmSync(join(root, "src/gone.ts"))
    const found = yield* all(root)
    expect(found).toEqual({ paths: [...odd, ".gitignore", "link", "src/a.ts"].toSorted(), unnamed: 1 })
    const { files } = yield* (yield* Files.Files).search(root, { query: "lin", limit: 2 })
    expect(files).toEqual([
      { path: "link", kind: "link" },
      { path: "new\nline", kind: "file", bytes: 1 }
    ])
    // A directory inside of the repository has its own paths.
    expect((yield* all(join(root, "src"))).paths).toEqual(["a.ts"])
  }).pipe(Effect.provide(services))
)

it.scopedLive("W5 repositories inside, submodules, and directories outside of a repository or ignored by one are read too", () =>
  Effect.gen(function* () {
    const root = yield* repository
    const other = yield* repository
    write(other, "of-module.ts")
    sh(other, "add", "-A")
    sh(other, "commit", "-qm", "one")
    sh(root, "submodule", "-q", "add", other, "module")
    write(root, "nested/deep/file.ts", "build/out/result.js", "build/out/skipped.tmp")
    sh(join(root, "nested"), "init", "-q")
    writeFileSync(join(root, ".gitignore"), "build/\n")
    writeFileSync(join(root, "build/out/.gitignore"), "*.tmp\n")
    expect((yield* all(root)).paths).toEqual([".gitignore", ".gitmodules", "module/of-module.ts", "nested/deep/file.ts"])
    expect((yield* all(join(root, "build/out"))).paths).toEqual([".gitignore", "result.js"])
    const plain = yield* temporaryDirectory
    write(plain, "a.ts", "b.log", "project/c.ts", "project/d.log")
    writeFileSync(join(plain, ".gitignore"), "*.log\n")
    sh(join(plain, "project"), "init", "-q")
    // `.git` is not a proof: the directory is read as one outside of a repository.
    mkdirSync(join(plain, "odd/.git"), { recursive: true })
    write(plain, "odd/e.ts")
    expect((yield* all(plain)).paths).toEqual([".gitignore", "a.ts", "odd/e.ts", "project/c.ts", "project/d.log"])
    const missing = yield* Effect.flip(all(join(plain, "none")))
    expect(missing).toMatchObject({ _tag: "FilesUnavailable", reason: "absent" })
  }).pipe(Effect.provide(services))
)

it.scopedLive("W5 a list is read again when an agent has changed the directory since", () =>
  Effect.gen(function* () {
    const root = yield* repository
    write(root, "first.ts")
    const { search } = yield* Files.Files
    const now = Number.MAX_SAFE_INTEGER
    const names = (changedAt?: number) =>
      Effect.map(search(root, { query: "ts", limit: 9, ...(changedAt === undefined ? {} : { changedAt }) }), ({ files }) =>
        files.map(({ path }) => path).toSorted()
      )
    expect(yield* names()).toEqual(["first.ts"])
    write(root, "second.ts")
    // A kept list is returned, also one that is old.
    expect(yield* names()).toEqual(["first.ts"])
    expect(yield* names(now)).toEqual(["first.ts", "second.ts"])
    rmSync(join(root, "first.ts"))
    // A file that was removed since is not shown.
    expect(yield* names()).toEqual(["second.ts"])
  }).pipe(Effect.provide(services))
)

it.scopedLive("W1 W2 W5 a summary has branch, distance and changes, runs no filter, and writes nothing", () =>
  Effect.gen(function* () {
    const { summary } = yield* Files.Files
    const origin = yield* repository
    expect(yield* summary(origin)).toEqual({
      repository: true,
      branch: "main",
      changed: 0,
      untracked: 0,
      conflicts: 0,
      dirty: false
    })
    write(origin, "a.txt", "b.txt")
    sh(origin, "add", "-A")
    sh(origin, "commit", "-qm", "one")
    const base = yield* temporaryDirectory
    sh(base, "clone", "-q", origin, "copy")
    const root = join(base, "copy")
    const ran = join(base, "ran")
    write(origin, "c.txt")
    sh(origin, "add", "-A")
    sh(origin, "commit", "-qm", "two")
    sh(root, "fetch", "-q")
    write(root, "own.txt")
    sh(root, "commit", "-qm", "own", "--allow-empty")
    sh(root, "config", "filter.evil.clean", `touch ${ran}; cat`)
    sh(root, "config", "filter.evil.process", `touch ${ran}`)
    // With `-c`, git would read this name only up to its `=`.
    sh(root, "config", "filter.a=b.clean", `touch ${ran}; cat`)
    writeFileSync(join(root, ".git/info/attributes"), "* filter=evil\nb.txt filter=a=b\n")
    // Same size, other time: git compares the content.
    writeFileSync(join(root, "a.txt"), "y")
    utimesSync(join(root, "b.txt"), 1, 1)
    const index = readFileSync(join(root, ".git/index"))
    const commit = sh(root, "rev-parse", "HEAD").trim()
    rmSync(ran, { force: true })
    expect(yield* summary(root)).toEqual({
      repository: true,
      branch: "main",
      commit,
      upstream: "origin/main",
      ahead: 1,
      behind: 1,
      changed: 1,
      untracked: 1,
      conflicts: 0,
      dirty: true
    })
    expect(existsSync(ran)).toBe(false)
    expect(readFileSync(join(root, ".git/index")).equals(index)).toBe(true)
    mkdirSync(join(root, "apps/web"), { recursive: true })
    expect(yield* summary(join(root, "apps/web"))).toMatchObject({ prefix: "apps/web/", branch: "main" })
    expect(yield* summary(base)).toEqual({ repository: false, dirty: false })
  }).pipe(Effect.provide(services))
)

it.scopedLive("W5 a submodule in whose place is a link out of the workspace is not listed", () =>
  Effect.gen(function* () {
    const other = yield* repository
    write(other, "of-module.ts")
    sh(other, "add", "-A")
    sh(other, "commit", "-qm", "one")
    const outside = yield* temporaryDirectory
    write(outside, "secret.txt", "module/secret.txt")
    for (const replaced of ["deep", "deep/module"]) {
      const root = yield* repository
      sh(root, "submodule", "-q", "add", other, "deep/module")
      rmSync(join(root, replaced), { recursive: true })
      symlinkSync(outside, join(root, replaced))
      expect((yield* all(root)).paths.filter((path) => path.includes("secret"))).toEqual([])
    }
  }).pipe(Effect.provide(services))
)
