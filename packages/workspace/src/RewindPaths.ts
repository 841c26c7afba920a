/** The files to which a discard restricts a rewind. Each path names one file that a turn changed; otherwise nothing is discarded. */
import { Effect } from "effect"
import { lstat } from "node:fs/promises"
import { isAbsolute, join } from "node:path"
import * as RawPath from "./RawPath.ts"
import * as RewindPlan from "./RewindPlan.ts"
import type { WorkTree } from "./WorkTree.ts"

/** A path that cannot be discarded, as the person wrote it or from the root, and why. */
export interface Unfit {
  readonly path: string
  readonly reason: string
}

export interface Given {
  /** From the root of the work tree. */
  readonly paths: ReadonlySet<RawPath.RawPath>
  readonly outside: ReadonlyArray<Unfit>
}

/** `given`: relative to the directory `below` the root of the work tree. */
export const resolve = (below: string, given: ReadonlyArray<string>): Given => {
  const placed = given.map((path) => ({ path, at: isAbsolute(path) ? path : join(below, path) }))
  const isOutside = (at: string) => isAbsolute(at) || at === ".." || at.startsWith("../")
  return {
    paths: new Set(placed.filter(({ at }) => !isOutside(at)).map(({ at }) => RawPath.fromBytes(Buffer.from(at)))),
    outside: placed
      .filter(({ at }) => isOutside(at))
      .map(({ path }) => ({ path, reason: "it is outside of the work tree; name it relative to the thread's directory" }))
  }
}

const isDirectory = ({ root }: WorkTree, path: RawPath.RawPath) =>
  Effect.promise(() =>
    lstat(Buffer.concat([Buffer.from(`${root}/`), RawPath.toBytes(path)])).then(
      (info) => info.isDirectory(),
      () => false
    )
  )

/** Why the plan does not have these files. Empty: it has them all, or they are as before the turns already. */
export const unfit = (workTree: WorkTree, { left, untouched }: RewindPlan.Plan) =>
  Effect.gen(function* () {
    const asked = untouched.length === 0 ? Buffer.alloc(0) : yield* ignoredOf(workTree, untouched)
    const ignored = new Set(RawPath.fields(asked))
    const reasons = yield* Effect.forEach(untouched, (path) =>
      Effect.map(isDirectory(workTree, path), (directory) => ({
        path: RawPath.shown(path),
        reason: directory
          ? "it is a directory; name its files"
          : ignored.has(path)
            ? "it is ignored, and checkpoints have no ignored files"
            : "no turn changed it since then"
      }))
    )
    return reasons.concat(left.map(({ path, reason }) => ({ path: RawPath.shown(path), reason })))
  })

/** 128: a path leads through a link or into a submodule. */
const ignoredOf = (workTree: WorkTree, paths: ReadonlyArray<RawPath.RawPath>) =>
  Effect.map(
    RewindPlan.run(workTree, ["check-ignore", "-z", "--stdin"], RawPath.input(paths), [0, 1, 128]),
    ({ stdout }) => stdout
  )

/** For people: the first of the paths, with the reasons. */
export const listed = (unfit: ReadonlyArray<Unfit>): string =>
  unfit
    .slice(0, 5)
    .map(({ path, reason }) => `${path} (${reason})`)
    .join(", ") + (unfit.length > 5 ? `, and ${unfit.length - 5} more` : "")
