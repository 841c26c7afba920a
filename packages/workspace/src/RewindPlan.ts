/**
 * What a rewind would change: the files that differ between a checkpoint and the work tree, of those that the thread's turns have changed since. A file
 * that only others changed is no part of it.
 */
import { Effect, Schema } from "effect"
import { createHash } from "node:crypto"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as DataDirectory from "./DataDirectory.ts"
import { Git, GitFailed } from "./Git.ts"
import * as RawPath from "./RawPath.ts"
import * as WorkFile from "./WorkFile.ts"
import type { WorkTree } from "./WorkTree.ts"

/** Two commits between which a turn, or a person, may have changed files. */
export type Pair = readonly [from: string, to: string]

export interface Change {
  readonly path: RawPath.RawPath
  /** The file in the work tree now. */
  readonly before: WorkFile.Entry | undefined
  /** The file in the checkpoint. */
  readonly after: WorkFile.Entry | undefined
  /** Whether a person or another program has changed the file, too. */
  readonly changedSince: boolean
}

/** A file that the turns changed and that stays as it is. */
export interface Left {
  readonly path: RawPath.RawPath
  readonly reason: string
}

export interface Plan {
  /** The commit of the checkpoint. */
  readonly target: string
  /** The work tree, as a commit without a ref. */
  readonly now: string
  /** Sorted by path. */
  readonly changes: ReadonlyArray<Change>
  readonly left: ReadonlyArray<Left>
  /** The paths of `only` that no turn changed. */
  readonly untouched: ReadonlyArray<RawPath.RawPath>
  /** Bytes of the new files, by their objects. */
  readonly sizes: ReadonlyMap<string, number>
  /** A digest of the changes with the content of the files before and after. */
  readonly expected: string
}

export interface Bounds {
  readonly files: number
  readonly bytes: number
}
export const defaults: Bounds = { files: 10_000, bytes: 512 * 1024 * 1024 }

/** The rewind would change more files or bytes than one rewind may. */
export class TooLarge extends Schema.TaggedError<TooLarge>()("TooLarge", { message: Schema.String }) {}

const maxListBytes = 64 * 1024 * 1024
const deadline = "60 seconds"

/** Runs git with the private directory: no configuration of the person, no index of theirs. */
export const run = (
  workTree: WorkTree,
  args: ReadonlyArray<string>,
  input?: Buffer | string,
  codes: ReadonlyArray<number> = [0]
) =>
  Effect.flatMap(Git, (git) =>
    git.run(args, {
      cwd: workTree.root,
      env: workTree.env,
      deadline,
      codes,
      maxBytes: maxListBytes,
      ...(input === undefined ? {} : { input })
    })
  ).pipe(
    Effect.filterOrFail(
      ({ truncated }) => !truncated,
      () =>
        new GitFailed({ command: args[0] ?? "", code: null, stderr: "", message: "Git returned more than 64 MiB for one query." })
    )
  )

const diff = ["diff-tree", "-r", "-z", "--no-renames", "--no-ext-diff", "--no-textconv"]

/** The paths that differ in at least one of the pairs. */
export const touched = (workTree: WorkTree, pairs: ReadonlyArray<Pair>) =>
  Effect.map(
    Effect.forEach(
      pairs.filter(([from, to]) => from !== to),
      ([from, to]) => run(workTree, [...diff, "--name-only", from, to]),
      { concurrency: 4 }
    ),
    (outputs) => new Set(outputs.flatMap(({ stdout }) => RawPath.fields(stdout)))
  )

interface Difference {
  readonly path: RawPath.RawPath
  readonly from: WorkFile.Entry | undefined
  readonly to: WorkFile.Entry | undefined
}

const entryOf = (mode = "", object = ""): WorkFile.Entry | undefined => (mode === "000000" ? undefined : { mode, object })

/** The files that differ between the commits. */
export const differences = (workTree: WorkTree, from: string, to: string) =>
  Effect.map(run(workTree, [...diff, "--raw", "--no-abbrev", from, to]), ({ stdout }) => {
    const fields = RawPath.fields(stdout)
    const found: Array<Difference> = []
    for (let at = 0; at + 1 < fields.length; at += 2) {
      const [oldMode = "", newMode, oldObject, newObject] = (fields[at] ?? "").split(" ")
      found.push({ path: fields[at + 1] ?? "", from: entryOf(oldMode.slice(1), oldObject), to: entryOf(newMode, newObject) })
    }
    return found
  })

const isFile = (entry: WorkFile.Entry | undefined) => entry === undefined || entry.mode !== "160000"

/** Selects the paths that the checkpoint's `.gitignore` files ignore. Such a file may have existed before, and no checkpoint has it. */
const ignored = (workTree: WorkTree, target: string, paths: ReadonlyArray<RawPath.RawPath>) =>
  Effect.gen(function* () {
    if (paths.length === 0) return new Set<string>()
    const listed = RawPath.fields((yield* run(workTree, ["ls-tree", "-r", "-z", target])).stdout)
    const rules = listed.flatMap((line) => {
      const [, mode, object, path] = /^(\d+) \w+ ([0-9a-f]+)\t([\s\S]*)$/.exec(line) ?? []
      const isRule = path === ".gitignore" || path?.endsWith("/.gitignore") === true
      return isRule && mode !== "120000" && object !== undefined && path !== undefined ? [{ object, path }] : []
    })
    const directory = yield* Effect.acquireRelease(
      Effect.promise(() => mkdtemp(join(workTree.privateDir, "ignore-"))),
      (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
    )
    yield* Effect.forEach(
      rules,
      ({ object, path }) =>
        Effect.flatMap(run(workTree, ["cat-file", "blob", object]), ({ stdout }) =>
          Effect.promise(async () => {
            const below = (part: string) => Buffer.concat([Buffer.from(`${directory}/`), RawPath.toBytes(part)])
            await mkdir(below(path.slice(0, Math.max(0, path.lastIndexOf("/")))), { recursive: true })
            await writeFile(below(path), stdout)
          })
        ),
      { concurrency: 4, discard: true }
    )
    const git = yield* Git
    const { stdout } = yield* git.run(["check-ignore", "-z", "--stdin", "--no-index"], {
      cwd: directory,
      env: { ...workTree.env, GIT_WORK_TREE: directory },
      input: RawPath.input(paths),
      codes: [0, 1],
      deadline
    })
    return new Set(RawPath.fields(stdout))
  }).pipe(Effect.scoped)

/** Bytes of each new file, by its object. Fails if one is not stored, or if there are too many. */
const sizesOf = (workTree: WorkTree, changes: ReadonlyArray<Change>, bounds: Bounds) =>
  Effect.gen(function* () {
    const sizes = new Map<string, number>()
    if (changes.length > bounds.files)
      return yield* new TooLarge({ message: `The rewind would change ${changes.length} files; the limit is ${bounds.files}.` })
    const objects = changes.flatMap(({ after }) => (after === undefined ? [] : [after.object]))
    if (objects.length === 0) return sizes
    const { stdout } = yield* run(workTree, ["cat-file", "--batch-check"], objects.map((object) => `${object}\n`).join(""))
    let bytes = 0
    for (const line of stdout.toString("latin1").trimEnd().split("\n")) {
      const [, object, size] = /^([0-9a-f]+) blob (\d+)$/.exec(line) ?? []
      if (object === undefined)
        return yield* new GitFailed({
          command: "cat-file",
          code: 0,
          stderr: "",
          message: `The repository lacks a file of the checkpoint: ${line}.`
        })
      sizes.set(object, Number(size))
      bytes += Number(size)
    }
    if (bytes > bounds.bytes)
      return yield* new TooLarge({ message: `The rewind would write ${bytes} bytes; the limit is ${bounds.bytes}.` })
    return sizes
  })

export interface Input {
  readonly target: string
  readonly now: string
  /** Between their two commits the thread's turns changed files. */
  readonly turns: ReadonlyArray<Pair>
  /** Between these, others did. */
  readonly others: ReadonlyArray<Pair>
  /** When the files of `target` were read, in milliseconds since 1970. */
  readonly at: number
  /** Files that existed at one of the two times and are in no commit: they stay. */
  readonly skipped: ReadonlySet<string>
  /** Only these files may change. Default: all that the turns changed. */
  readonly only?: ReadonlySet<RawPath.RawPath> | undefined
}

/** Compares the work tree with the checkpoint. Writes nothing to the work tree. */
export const make = Effect.fn("RewindPlan.make")(function* (
  workTree: WorkTree,
  root: WorkFile.Root,
  { at, now, only, others, skipped, target, turns }: Input,
  bounds: Bounds = defaults
) {
  const [byTurns, byOthers, all] = yield* Effect.all(
    [touched(workTree, turns), touched(workTree, others), differences(workTree, now, target)],
    { concurrency: 3 }
  )
  const ofTurns = all.filter(({ path }) => byTurns.has(path))
  const concerned = only === undefined ? ofTurns : ofTurns.filter(({ path }) => only.has(path))
  const added = concerned.filter(({ to }) => to === undefined).map(({ path }) => path)
  const hidden = yield* ignored(workTree, target, added)
  const left: Array<Left> = []
  const staying = new Set<string>()
  const leave = (path: RawPath.RawPath, reason: string) => {
    staying.add(path)
    left.push({ path, reason })
  }
  // A file that a turn has renamed is older too: its content comes back under its old name.
  const restored = new Set(ofTurns.flatMap(({ from, to }) => (from === undefined && to !== undefined ? [to.object] : [])))
  const isUnseen = ({ from, path, to }: Difference) =>
    to === undefined && from !== undefined && !restored.has(from.object)
      ? WorkFile.attempt(() => WorkFile.isOlder(root, path, at))
      : Effect.succeed(false)
  const isOfServer = DataDirectory.below(workTree.root)
  for (const difference of concerned) {
    const { from, path, to } = difference
    if (skipped.has(path)) leave(path, "a checkpoint does not have it")
    else if (!isFile(from) || !isFile(to)) leave(path, "it is a submodule")
    else if (hidden.has(path)) leave(path, "it was an ignored file")
    else if (yield* Effect.promise(() => isOfServer(path))) leave(path, "it is in a data directory of Millrace")
    else if (yield* isUnseen(difference)) leave(path, "it is older than the checkpoint, which does not have it")
  }
  const removed = new Set(added.filter((path) => !staying.has(path)))
  for (const { from, path } of concerned) {
    if (staying.has(path)) continue
    const reason = yield* WorkFile.attempt(() => WorkFile.obstacle(root, path, from === undefined, removed))
    if (reason !== undefined) leave(path, reason)
  }
  const changes = concerned
    .filter(({ path }) => !staying.has(path))
    .map(({ from, path, to }): Change => ({ path, before: from, after: to, changedSince: byOthers.has(path) }))
  const sizes = yield* sizesOf(workTree, changes, bounds)
  const digest = createHash("sha256").update(JSON.stringify([target, changes, left]))
  const untouched = [...(only ?? [])].filter((path) => !byTurns.has(path))
  return { target, now, changes, left, untouched, sizes, expected: digest.digest("base64url") } satisfies Plan
})
