import { expect, it } from "@effect/vitest"
import { maxFileBytes } from "@millrace/contracts/Workspace"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { appendFileSync, chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Person from "../test/Person.ts"
import { read, type Step } from "./ReadFile.ts"

/** A workspace, and files next to it that must not be read. */
const workspace = Effect.map(temporaryDirectory, (base) => {
  const root = join(base, "work")
  mkdirSync(join(root, "src"), { recursive: true })
  mkdirSync(join(base, "work-2"))
  writeFileSync(join(base, "secret"), "secret")
  writeFileSync(join(base, "work-2", "secret"), "secret")
  writeFileSync(join(root, "src/a.ts"), "a\n")
  return { base, root }
})
const text = (found: Awaited<ReturnType<typeof read>>) =>
  typeof found === "string" ? found : Buffer.from(found.content).toString("utf8")
const reading = (root: string, path: string, onStep?: (step: Step) => Promise<void>) =>
  Effect.map(
    Effect.promise(() => read(root, path, onStep)),
    text
  )

it.scoped("W5 files inside are read, also through links that stay inside and with odd names; nothing outside is", () =>
  Effect.gen(function* () {
    const { base, root } = yield* workspace
    const odd = "new\nline \"quoted\" 'q' ;%2F#?😀 " + "x".repeat(200)
    writeFileSync(join(root, odd), "odd")
    symlinkSync("src/a.ts", join(root, "in"))
    symlinkSync(join(base, "secret"), join(root, "out"))
    symlinkSync("../secret", join(root, "relative"))
    symlinkSync(base, join(root, "up"))
    symlinkSync(join(base, "work-2"), join(root, "beside"))
    symlinkSync("loop", join(root, "loop"))
    symlinkSync("gone", join(root, "dangling"))
    symlinkSync(root, join(base, "linked"))
    const found: Record<string, string> = {}
    for (const path of [
      "src/a.ts",
      odd,
      "in",
      "out",
      "relative",
      "up/secret",
      "beside/secret",
      "loop",
      "dangling",
      "src",
      "no",
      "src/a.ts/x",
      "y".repeat(300)
    ])
      found[path.slice(0, 20)] = yield* reading(root, path)
    expect(found).toEqual({
      "src/a.ts": "a\n",
      [odd.slice(0, 20)]: "odd",
      in: "a\n",
      out: "outside",
      relative: "outside",
      "up/secret": "outside",
      "beside/secret": "outside",
      loop: "outside",
      dangling: "absent",
      src: "directory",
      no: "absent",
      "src/a.ts/x": "absent",
      ["y".repeat(20)]: "absent"
    })
    expect(yield* reading(join(base, "linked"), "src/a.ts")).toBe("a\n")
    expect(yield* reading(join(base, "none"), "src/a.ts")).toBe("absent")
  })
)

it.scoped(
  "W5 no file of a git directory is read: by any spelling, by links, of a worktree, a submodule or a bare repository",
  () =>
    Effect.gen(function* () {
      const { base, root } = yield* workspace
      const [bare, main] = [join(root, "stores/bare"), join(root, "main")]
      Person.init(main)
      Person.write(main, { a: "a" })
      Person.commitAll(main)
      Person.git(root, "clone", "-q", "--bare", main, bare)
      Person.git(root, "init", "-q", `--separate-git-dir=${join(root, "apart")}`, join(root, "separate"))
      Person.git(main, "worktree", "add", "-q", join(root, "tree"))
      Person.git(main, "submodule", "--quiet", "add", bare, "module")
      symlinkSync("main/.git", join(root, "link"))
      symlinkSync("main/.git/config", join(root, "config"))
      symlinkSync(root, join(base, "linked"))
      const paths = [
        "main/.git/config",
        "main/.GIT/config",
        "main/.Git/HEAD",
        "main/.git/none",
        "main/.git",
        "main/.g\u200cit/config",
        "main/.git./config",
        "main/.git /config",
        "main/GIT~1/config",
        "main/.git::$INDEX_ALLOCATION/config",
        "link/config",
        "config",
        "tree/.git",
        "main/module/.git",
        "main/.git/worktrees/tree/gitdir",
        "main/.git/modules/module/config",
        "stores/bare/config",
        "stores/bare/hooks/update.sample",
        "apart/config"
      ]
      for (const path of paths) {
        expect([path, yield* reading(root, path)]).toEqual([path, "git"])
        expect([path, yield* reading(join(base, "linked"), path)]).toEqual([path, "git"])
      }
      expect([yield* reading(bare, "config"), yield* reading(join(main, ".git/worktrees/tree"), "gitdir")]).toEqual([
        "git",
        "git"
      ])
      Person.write(main, { ".gitignore": "x", ".github/a": "a", "git/HEAD": "b", "x.git/config": "c" })
      for (const path of [".gitignore", ".github/a", "git/HEAD", "x.git/config", "module/a"])
        expect([path, (yield* reading(main, path)).length]).toEqual([path, 1])
      expect(yield* reading(join(root, "tree"), "a")).toBe("a")
      // The link changes after it was resolved.
      const changed = reading(root, "src/a.ts", async (step) => {
        if (step !== "resolved") return
        renameSync(join(root, "src"), join(root, "src2"))
        mkdirSync(join(main, ".git/src"))
        writeFileSync(join(main, ".git/src/a.ts"), "secret")
        symlinkSync(join(main, ".git/src"), join(root, "src"))
      })
      expect(yield* changed).toBe("git")
    })
)

it.scoped("W5 a pipe, a device and a file without permission are refused without waiting; 1 MiB is the limit", () =>
  Effect.gen(function* () {
    const { root } = yield* workspace
    execFileSync("mkfifo", [join(root, "pipe")])
    writeFileSync(join(root, "most"), Buffer.alloc(maxFileBytes, 120))
    writeFileSync(join(root, "more"), Buffer.alloc(maxFileBytes + 1, 120))
    writeFileSync(join(root, "empty"), "")
    expect(yield* reading(root, "pipe")).toBe("special")
    expect((yield* reading(root, "most")).length).toBe(maxFileBytes)
    expect(yield* reading(root, "more")).toBe("too-large")
    expect(yield* reading(root, "empty")).toBe("")
    expect(yield* reading("/dev", "null")).toBe("special")
    chmodSync(join(root, "src/a.ts"), 0)
    if (process.getuid?.() !== 0) expect(yield* reading(root, "src/a.ts")).toBe("not-permitted")
  })
)

it.scoped("W5 a file or a directory that is replaced by a link out while it is read does not lead out", () =>
  Effect.gen(function* () {
    const { base, root } = yield* workspace
    const at = (step: Step, change: () => void) =>
      reading(root, "src/a.ts", async (now) => {
        if (now === step) change()
      })
    const restore = () => {
      rmSync(join(root, "src"), { recursive: true, force: true })
      rmSync(join(base, "taken"), { recursive: true, force: true })
      mkdirSync(join(root, "src"))
      writeFileSync(join(root, "src/a.ts"), "a\n")
    }
    const byLink = () => {
      rmSync(join(root, "src/a.ts"))
      symlinkSync(join(base, "secret"), join(root, "src/a.ts"))
    }
    const directoryByLink = () => {
      renameSync(join(root, "src"), join(base, "taken"))
      mkdirSync(join(base, "away"), { recursive: true })
      writeFileSync(join(base, "away/a.ts"), "secret")
      symlinkSync(join(base, "away"), join(root, "src"))
    }
    const byPipe = () => {
      rmSync(join(root, "src/a.ts"))
      execFileSync("mkfifo", [join(root, "src/a.ts")])
    }
    expect(yield* at("resolved", byLink)).toBe("outside")
    restore()
    expect(yield* at("resolved", directoryByLink)).toBe("outside")
    restore()
    expect(yield* at("resolved", byPipe)).toBe("special")
    restore()
    // The file was opened inside and then moved away.
    expect(yield* at("opened", directoryByLink)).toBe("outside")
    restore()
    expect(yield* at("named", () => appendFileSync(join(root, "src/a.ts"), Buffer.alloc(2 * maxFileBytes)))).toBe("too-large")
  })
)

it.scoped("W5 no file of a data directory of Millrace is read: not directly, by a link, or below a directory of it", () =>
  Effect.gen(function* () {
    const { root } = yield* workspace
    Person.write(root, {
      "data/owner.db": "",
      "data/log.db": "",
      "data/secrets.json": "s",
      "data/deep/blob": "s",
      "one/log.db": "mine"
    })
    symlinkSync("data/secrets.json", join(root, "shortcut"))
    for (const path of ["data/secrets.json", "data/deep/blob", "data/log.db", "shortcut"])
      expect([path, yield* reading(root, path)]).toEqual([path, "data"])
    expect(yield* reading(root, "one/log.db")).toBe("mine")
  })
)
