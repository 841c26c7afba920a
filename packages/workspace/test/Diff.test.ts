import { expect, it } from "@effect/vitest"
import { layerMemory } from "@millrace/providers/process/Ledger"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import * as Git from "@millrace/workspace/Git"
import * as Diff from "@millrace/workspace/internal/Diff"
import { Effect, FastCheck as fc, Layer } from "effect"
import { chmodSync, rmSync, symlinkSync, writeFileSync, mkdirSync } from "node:fs"
import { dirname, join } from "node:path"
import * as Person from "./Person.ts"

const services = Layer.provideMerge(Git.layer, layerMemory)
const runs = Number(process.env["MILLRACE_DIFF_RUNS"] ?? 6)
const seed = Number(process.env["MILLRACE_DIFF_SEED"] ?? 18)

const names = [
  "a",
  "b",
  'q"uote',
  "new\nline",
  "tab\tt",
  "caf\u00e9",
  "d/a",
  "d/b",
  "d/e/f",
  " space ",
  "-dash",
  "a => b",
  "{x => y}/z"
]
const lines = fc.array(fc.constantFrom("one", "two", "three", "+four", "--- five", "diff --git a/x b/x", "@@ -1 +1 @@", ""), {
  maxLength: 30
})
const content = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(lines, fc.boolean()).map(([all, end]) => all.join("\n") + (end ? "\n" : "")) },
  { weight: 1, arbitrary: fc.constantFrom("\0binary", "\0other", "crlf\r\nlines\r\n", "") }
)
const step = fc.oneof(
  fc.record({ kind: fc.constant("write" as const), name: fc.constantFrom(...names), content }),
  fc.record({ kind: fc.constant("append" as const), name: fc.constantFrom(...names), content }),
  fc.record({ kind: fc.constant("move" as const), name: fc.constantFrom(...names), to: fc.constantFrom(...names) }),
  fc.record({ kind: fc.constant("remove" as const), name: fc.constantFrom(...names) }),
  fc.record({ kind: fc.constant("link" as const), name: fc.constantFrom(...names) }),
  fc.record({ kind: fc.constant("mode" as const), name: fc.constantFrom(...names) })
)
type Step = typeof step extends fc.Arbitrary<infer A> ? A : never
const history = fc.tuple(fc.array(step, { minLength: 3, maxLength: 12 }), fc.array(step, { minLength: 1, maxLength: 12 }))

/** Applies the step as far as the files permit. */
const apply = (root: string, one: Step, files: Map<string, string>) => {
  // Names of one byte for each character: some are no UTF-8.
  const path = (name: string) => Buffer.from(join(root, name), "latin1")
  const put = (name: string, text: string) => {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    rmSync(path(name), { force: true })
    writeFileSync(path(name), text, "latin1")
    files.set(name, text)
  }
  const known = files.get(one.name)
  if (one.kind === "write") return put(one.name, one.content)
  if (known === undefined) return
  if (one.kind === "append") return put(one.name, `${known}${one.content}`)
  rmSync(path(one.name), { force: true })
  files.delete(one.name)
  if (one.kind === "move") return put(one.to, known)
  if (one.kind === "mode") {
    put(one.name, known)
    return chmodSync(path(one.name), 0o755)
  }
  if (one.kind === "link") symlinkSync("/nowhere", path(one.name))
}

const expected = (root: string, from: string, to: string) => {
  const flags = ["-M", "--no-ext-diff", "--no-textconv"]
  return {
    patch: Person.git(root, "-c", "core.quotePath=false", "diff", ...flags, from, to),
    status: Person.git(root, "diff", "-z", "--name-status", ...flags, from, to)
      .split("\0")
      .slice(0, -1),
    counts: Person.git(root, "diff", "-z", "--numstat", ...flags, from, to)
  }
}

const letters = { added: "A", deleted: "D", modified: "M", renamed: "R" } as const

for (const [n, [before, after]] of fc.sample(history, { numRuns: runs, seed }).entries())
  it.scopedLive(`W2 a diff is what git diff of the same trees reports (seed ${seed}, history ${n})`, () =>
    Effect.gen(function* () {
      const root = yield* temporaryDirectory
      Person.init(root)
      const files = new Map<string, string>()
      const commit = () => {
        Person.commitAll(root)
        return Person.git(root, "rev-parse", "HEAD").trim()
      }
      for (const one of before) apply(root, one, files)
      const from = commit()
      for (const one of after) apply(root, one, files)
      const to = commit()
      const place = { cwd: root, env: { GIT_DIR: join(root, ".git"), GIT_WORK_TREE: root } }
      const { files: found, truncated } = yield* Diff.compare(place, from, to, true)
      const { patch } = yield* Diff.patch(place, from, to)
      const theirs = expected(root, from, to)
      expect(truncated).toBe(false)
      expect(patch.toString("latin1")).toBe(theirs.patch)
      expect(
        found.flatMap(({ oldPath, path, status }) => [letters[status], ...(oldPath === undefined ? [] : [oldPath]), path])
      ).toEqual(theirs.status.map((field) => field.replace(/^R\d+$/, "R").replace(/^T$/, "M")))
      const counts = found.map(({ additions, binary, deletions, oldPath, path }) => {
        const numbers = binary ? "-\t-" : `${additions}\t${deletions}`
        return oldPath === undefined ? `${numbers}\t${path}\0` : `${numbers}\t\0${oldPath}\0${path}\0`
      })
      expect(counts.join("")).toBe(theirs.counts)
      for (const { additions, binary, deletions, hunks = [] } of found) {
        if (binary) continue
        expect(hunks.reduce((sum, { newLines }) => sum + newLines, 0)).toBe(additions)
        expect(hunks.reduce((sum, { oldLines }) => sum + oldLines, 0)).toBe(deletions)
      }
    }).pipe(Effect.provide(services))
  )
