/** Resolves the paths of approvals, for approval rules: the only I/O before a rule is applied. */
import { lstat, realpath } from "node:fs/promises"
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path"
import type { RequestId } from "@millrace/contracts/Ids"
import type { DurableEvent } from "@millrace/contracts/ProviderEvent"
import { Effect } from "effect"
import * as FileCalls from "@millrace/contracts/FileCalls"
import type { InsidePaths } from "../decide/Fact.ts"

/** The paths of a request with more are not resolved, so no rule accepts it. */
const maxPaths = 200

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false
  )

/** The path with all links resolved. For a path that does not exist yet, the links of its nearest directory are resolved. A dangling link cannot be resolved. */
const real = async (path: string): Promise<string | undefined> => {
  const found = await realpath(path).catch(() => undefined)
  if (found !== undefined) return found
  if (dirname(path) === path || (await isThere(path))) return undefined
  const directory = await real(dirname(path))
  return directory === undefined ? undefined : join(directory, basename(path))
}

/** The path from the workspace; `undefined`: it has `..`, is outside, or cannot be resolved. */
const insideOf = async (root: string, path: string): Promise<string | undefined> => {
  // `a/../b` is not `b` if `a` is a link.
  if (path.includes("\0") || path.split(/[\\/]/).includes("..")) return undefined
  const found = await real(resolve(root, path))
  if (found === undefined) return undefined
  const from = relative(root, found)
  return from === ".." || from.startsWith(`..${sep}`) || isAbsolute(from) ? undefined : from.split(sep).join("/")
}

type Approval = Extract<Extract<DurableEvent, { _tag: "RequestOpened" }>["ask"], { kind: "approval" }>

const pathsOf = ({ changes, cwd }: Approval): ReadonlyArray<string> =>
  changes === undefined
    ? cwd === undefined
      ? []
      : [cwd]
    : changes.flatMap(({ movedTo, path }) => (movedTo === undefined ? [path] : [path, movedTo]))

const insideAll = async (cwd: string, paths: ReadonlyArray<string>): Promise<ReadonlyArray<string> | undefined> => {
  const root = await realpath(cwd).catch(() => undefined)
  if (root === undefined || paths.length > maxPaths) return undefined
  const found: Array<string> = []
  for (const path of paths) {
    const one = await insideOf(root, path)
    if (one === undefined) return undefined
    found.push(one)
  }
  return found
}

/**
 * The paths of the complete approvals among the events whose paths are all in the workspace `cwd`. Those that the file system does not resolve in time are
 * not among them, so no rule accepts them and a person is asked.
 */
export const inside = (cwd: string, events: ReadonlyArray<DurableEvent>): Effect.Effect<InsidePaths | undefined> =>
  Effect.gen(function* () {
    const found = new Map<RequestId, ReadonlyArray<string>>()
    for (const event of events) {
      if (event._tag !== "RequestOpened" || event.ask.kind !== "approval" || event.ask.complete !== true) continue
      const { ask, requestId } = event
      const paths = yield* FileCalls.ofProcess
        .run(cwd, () => insideAll(cwd, pathsOf(ask)))
        .pipe(
          Effect.catchTag("FilesUnavailable", ({ message }) =>
            Effect.as(Effect.logWarning(`No approval rule is applied to ${requestId}: ${message}`), undefined)
          )
        )
      if (paths !== undefined) found.set(requestId, paths)
    }
    return found.size === 0 ? undefined : found
  })
