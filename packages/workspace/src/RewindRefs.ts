/**
 * The refs of a thread's rewinds: `refs/millrace/threads/THREAD/rewinds/COMMIT/from|to`. `from` is the safety checkpoint, which is COMMIT itself: the files
 * before the rewind; `to`: the files as the rewind makes them. They go with the thread's other refs.
 */
import type { ThreadId } from "@millrace/contracts/Ids"
import { Clock, Effect, Option } from "effect"
import { rm } from "node:fs/promises"
import { join } from "node:path"
import * as Capture from "./Capture.ts"
import { Git } from "./Git.ts"
import * as RawPath from "./RawPath.ts"
import * as Refs from "./Refs.ts"
import { run } from "./RewindPlan.ts"
import type { Entry } from "./WorkFile.ts"
import type { WorkTree } from "./WorkTree.ts"

/** Maximum number of rewinds of a thread that can be taken back. Older rewinds cannot. */
const maxKept = 100

/** What a rewind made of a file; `undefined`: it was removed. */
export interface Result {
  readonly path: RawPath.RawPath
  readonly after: Entry | undefined
}

export interface Rewind {
  /** Milliseconds since 1970, before the files of `from` were read. */
  readonly at: number
  readonly from: string
  readonly to: string
}

const nameOf = (threadId: ThreadId, from: string, end: "from" | "to") =>
  `refs/millrace/threads/${threadId}/rewinds/${from}/${end}`

const atOf = ({ body }: Refs.Ref): number =>
  Option.match(Capture.decodeMessage(body), { onNone: () => 0, onSome: ({ at }) => at })

/** The thread's rewinds in this repository. */
export const list = (workTree: WorkTree, threadId: ThreadId) =>
  Effect.map(Refs.list(workTree, threadId), (refs) => {
    const commits = new Map(refs.map(({ commit, name }) => [name, commit]))
    return refs.flatMap((ref): ReadonlyArray<Rewind> => {
      const from = ref.commit
      const to = ref.name === nameOf(threadId, from, "from") ? commits.get(nameOf(threadId, from, "to")) : undefined
      return to === undefined ? [] : [{ at: atOf(ref), from, to }]
    })
  })

/** A commit of the files of `from` with the changes. */
const resultOf = (workTree: WorkTree, from: string, changes: ReadonlyArray<Result>) =>
  Effect.gen(function* () {
    const file = join(workTree.privateDir, "rewind-index")
    const index = { ...workTree, env: { ...workTree.env, GIT_INDEX_FILE: file } }
    // One rewind at a time uses the file, so this lock is of a git that was killed.
    yield* Effect.promise(() => rm(`${file}.lock`, { force: true }))
    yield* run(index, ["read-tree", from])
    const none = "0".repeat(workTree.objectFormat === "sha1" ? 40 : 64)
    // A file is removed before one below its name is added.
    const lines = changes
      .toSorted((a, b) => Number(a.after !== undefined) - Number(b.after !== undefined))
      .map(({ after, path }) => `${after?.mode ?? "0"} ${after?.object ?? none}\t${path}`)
    if (lines.length > 0) yield* run(index, ["update-index", "-z", "--replace", "--index-info"], RawPath.input(lines))
    const tree = (yield* run(index, ["write-tree", ...(workTree.partial === true ? ["--missing-ok"] : [])])).stdout
    const at = yield* Clock.currentTimeMillis
    return yield* Capture.store(workTree, tree.toString().trim(), { at, skipped: [], complete: true })
  })

/** Stores the two commits of a rewind, durably, so that there is a way back. */
export const write = (workTree: WorkTree, threadId: ThreadId, from: string, changes: ReadonlyArray<Result>) =>
  Effect.gen(function* () {
    const to = yield* narrow(workTree, threadId, from, changes)
    yield* Refs.write(workTree, nameOf(threadId, from, "from"), from)
    const old = (yield* list(workTree, threadId)).toSorted((a, b) => b.at - a.at).slice(maxKept)
    yield* Refs.remove(
      workTree,
      old.flatMap((rewind) => [{ name: nameOf(threadId, rewind.from, "from") }, { name: nameOf(threadId, rewind.from, "to") }])
    )
    return to
  })

/** Stores that the rewind made these changes and no others: its way back then concerns no other file. */
export const narrow = (workTree: WorkTree, threadId: ThreadId, from: string, changes: ReadonlyArray<Result>) =>
  Effect.gen(function* () {
    const to = yield* resultOf(workTree, from, changes)
    yield* Refs.write(workTree, nameOf(threadId, from, "to"), to)
    return to
  })

/** Fails if git cannot read the commit any more. */
export const messageOf = (workTree: WorkTree, commit: string) =>
  Effect.flatMap(Git, (git) =>
    git.run(["log", "-1", "--format=%b", commit], { cwd: workTree.root, env: workTree.env, deadline: "10 seconds" })
  ).pipe(Effect.map(({ stdout }) => Capture.decodeMessage(stdout.toString().trim())))
