/** Compares two commits: the files that differ, with their counts and lines. Runs no program of the person's configuration. */
import { Effect } from "effect"
import { Git } from "./Git.ts"
import * as RawPath from "./RawPath.ts"

/** Where git runs, and with which git directory. */
export interface Place {
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
}

export interface Lines {
  readonly oldStart: number
  readonly oldLines: number
  readonly newStart: number
  readonly newLines: number
}

export interface Change {
  readonly path: RawPath.RawPath
  readonly oldPath?: RawPath.RawPath
  readonly status: "added" | "modified" | "deleted" | "renamed"
  readonly additions: number
  readonly deletions: number
  readonly binary: boolean
  readonly hunks?: ReadonlyArray<Lines>
}

export interface Changes {
  readonly files: ReadonlyArray<Change>
  readonly truncated: boolean
}

/** Most files of one comparison. */
const maxFiles = 3000
/** Maximum bytes of a unified diff. */
const maxPatchBytes = 8 * 1024 * 1024
const maxListBytes = 8 * 1024 * 1024
const maxHunkBytes = 32 * 1024 * 1024

const command = ["diff-tree", "-r", "-M", "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty"]

const run = ({ cwd, env }: Place, args: ReadonlyArray<string>, maxBytes: number) =>
  Effect.flatMap(Git, (git) => git.run([...command, ...args], { cwd, env, maxBytes, deadline: "60 seconds" }))

interface Raw {
  readonly letter: string
  readonly path: RawPath.RawPath
  readonly oldPath: RawPath.RawPath | undefined
}

const statuses: Readonly<Record<string, Change["status"]>> = { A: "added", D: "deleted", R: "renamed" }

/** Records `:MODES STATUS NUL PATH NUL [PATH NUL]`. A cut record at the end is left out. */
const parseRaw = (fields: ReadonlyArray<string>): ReadonlyArray<Raw> => {
  const found: Array<Raw> = []
  for (let at = 0; at < fields.length;) {
    const letter = / ([A-Z])\d*$/.exec(fields[at] ?? "")?.[1] ?? ""
    const isRename = letter === "R"
    const [first, second] = [fields[at + 1], fields[at + 2]]
    if (first === undefined || (isRename && second === undefined)) break
    found.push(isRename ? { letter, path: second ?? "", oldPath: first } : { letter, path: first, oldPath: undefined })
    at += isRename ? 3 : 2
  }
  return found
}

type Counts = Pick<Change, "additions" | "deletions" | "binary">

/** Records `ADDED TAB DELETED TAB PATH NUL`, of a rename `ADDED TAB DELETED TAB NUL PATH NUL PATH NUL`. By new path. */
const parseCounts = (fields: ReadonlyArray<string>): ReadonlyMap<string, Counts> => {
  const found = new Map<string, Counts>()
  for (let at = 0; at < fields.length; at++) {
    const [, added, deleted, name = ""] = /^(\d+|-)\t(\d+|-)\t([\s\S]*)$/.exec(fields[at] ?? "") ?? []
    if (added === undefined || deleted === undefined) break
    const path = name === "" ? fields[(at += 2)] : name
    if (path === undefined) break
    found.set(path, { additions: Number(added) || 0, deletions: Number(deleted) || 0, binary: added === "-" })
  }
  return found
}

/** The hunks of a patch, one list for each of its sections. A line of a file never begins in column 0. */
const parseHunks = (patch: string): ReadonlyArray<ReadonlyArray<Lines>> => {
  const sections: Array<Array<Lines>> = []
  for (const line of patch.split("\n")) {
    if (line.startsWith("diff --git ")) sections.push([])
    const [, oldStart, oldLines = "1", newStart, newLines = "1"] = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(line) ?? []
    if (oldStart !== undefined)
      sections.at(-1)?.push({
        oldStart: Number(oldStart),
        oldLines: Number(oldLines),
        newStart: Number(newStart),
        newLines: Number(newLines)
      })
  }
  return sections
}

/** The files that differ between the commits, in git's order. `hunks`: with the lines, without context. */
export const compare = Effect.fn("Diff.compare")(function* (place: Place, from: string, to: string, hunks = false) {
  const [raw, counts, patch] = yield* Effect.all(
    [
      run(place, ["-z", "--raw", "--no-abbrev", from, to], maxListBytes),
      run(place, ["-z", "--numstat", from, to], maxListBytes),
      hunks ? run(place, ["-p", "-U0", from, to], maxHunkBytes) : Effect.succeed(undefined)
    ],
    { concurrency: 3 }
  )
  const all = parseRaw(RawPath.fields(raw.stdout))
  const counted = parseCounts(RawPath.fields(counts.stdout))
  const sections = patch === undefined ? undefined : parseHunks(RawPath.fromBytes(patch.stdout))
  const files: Array<Change> = []
  let section = 0
  for (const { letter, oldPath, path } of all.slice(0, maxFiles)) {
    const known = counted.get(path)
    if (known === undefined) continue
    // A file that became a link, or the reverse, has two sections: its removal and its creation.
    const width = letter === "T" ? 2 : 1
    const lines = sections?.slice(section, section + width).flat()
    section += width
    files.push({
      path,
      ...(oldPath === undefined ? {} : { oldPath }),
      status: statuses[letter] ?? "modified",
      ...known,
      ...(lines === undefined || known.binary ? {} : { hunks: lines })
    })
  }
  const truncated = files.length < all.length || raw.truncated || counts.truncated || patch?.truncated === true
  return { files, truncated } satisfies Changes
})

/** The unified diff, at most `maxPatchBytes`; cut at the end of a line. */
export const patch = Effect.fn("Diff.patch")(function* (place: Place, from: string, to: string) {
  const { stdout, truncated } = yield* run(place, ["-p", from, to], maxPatchBytes)
  const whole = truncated ? stdout.subarray(0, stdout.lastIndexOf(10) + 1) : stdout
  return { patch: whole, truncated }
})

/** The paths that differ, without their counts. */
export const names = (place: Place, from: string, to: string) =>
  Effect.map(run(place, ["-z", "--name-only", "--no-renames", from, to], maxListBytes), ({ stdout }) => RawPath.fields(stdout))
