/** Changes the files of a rewind, one after another. Each is compared right before, and a crash leaves each as before or as after. */
import { Clock, Duration, Effect, Schema } from "effect"
import { Git } from "./Git.ts"
import * as RawPath from "./RawPath.ts"
import type * as RewindPlan from "./RewindPlan.ts"
import * as WorkFile from "./WorkFile.ts"
import type { WorkTree } from "./WorkTree.ts"

/** The rewind stopped before its last file. */
export class RewindStopped extends Schema.TaggedError<RewindStopped>()("RewindStopped", {
  /** The safety checkpoint, which leads back. */
  checkpoint: Schema.String,
  changed: Schema.Int,
  /** Number of files that it should have changed. */
  of: Schema.Int,
  message: Schema.String
}) {}

export interface Rewound {
  /** The safety checkpoint. */
  readonly checkpoint: string
  /** Number of files that were changed. */
  readonly changed: number
}

export interface Input {
  readonly plan: RewindPlan.Plan
  readonly root: WorkFile.Root
  readonly workTree: WorkTree
  /** The thread's directory, below the root. Stays, even if it becomes empty. */
  readonly below: string
  /** Part of the names of temporary files. */
  readonly id: string
  readonly deadline: Duration.DurationInput
  readonly onStep: (step: WorkFile.Step) => Promise<void>
}

/** Contents that are in memory at a time: files, and bytes unless one file has more. */
const batch = { files: 256, bytes: 16 * 1024 * 1024 }
/** Bound of git's output for a batch: the contents with their headers. One file may have 32 MiB. */
const maxBytes = 64 * 1024 * 1024

/** The changes in the order in which they are made, in batches. Removals are first, because a directory may take a file's place. */
const batches = ({ changes, sizes }: RewindPlan.Plan): ReadonlyArray<ReadonlyArray<RewindPlan.Change>> => {
  const found: Array<Array<RewindPlan.Change>> = []
  let bytes = 0
  for (const change of changes.toSorted((a, b) => Number(a.after !== undefined) - Number(b.after !== undefined))) {
    const size = sizes.get(change.after?.object ?? "") ?? 0
    const last = found.at(-1)
    const isFull = last === undefined || last.length >= batch.files || bytes + size > batch.bytes
    if (isFull) found.push([change])
    else last.push(change)
    bytes = isFull ? size : bytes + size
  }
  return found
}

/** The contents of the new files, by their objects. Damaged objects are left out. */
const contents = (workTree: WorkTree, changes: ReadonlyArray<RewindPlan.Change>) =>
  Effect.gen(function* () {
    const found = new Map<string, Buffer>()
    const objects = new Set(changes.flatMap(({ after }) => (after === undefined ? [] : [after.object])))
    if (objects.size === 0) return found
    const git = yield* Git
    const { stdout } = yield* git.run(["cat-file", "--batch"], {
      cwd: workTree.root,
      env: workTree.env,
      input: Array.from(objects, (object) => `${object}\n`).join(""),
      maxBytes
    })
    for (let at = 0; at < stdout.length;) {
      const end = stdout.indexOf(10, at)
      const [, object, size] = /^([0-9a-f]+) blob (\d+)$/.exec(stdout.toString("latin1", at, end)) ?? []
      if (object === undefined) break
      const content = stdout.subarray(end + 1, end + 1 + Number(size))
      if (WorkFile.idOf(workTree.objectFormat, content) === object) found.set(object, content)
      at = end + 2 + Number(size)
    }
    return found
  })

/** The directory and those above it, relative to the root. */
const ancestors = (below: string): ReadonlySet<string> => {
  const parts = Buffer.from(below).toString("latin1").split("/")
  return new Set(parts.map((_, at) => parts.slice(0, at + 1).join("/")))
}

/** The first `count` changes, in the order in which they are made. */
export const first = (plan: RewindPlan.Plan, count: number): ReadonlyArray<RewindPlan.Change> =>
  batches(plan).flat().slice(0, count)

export const apply = Effect.fn("RewindApply.apply")(function* (input: Input) {
  const { below, deadline, id, onStep, plan, root, workTree } = input
  const until = (yield* Clock.currentTimeMillis) + Duration.toMillis(deadline)
  const keeps = ancestors(below)
  let changed = 0
  const stopped = (message: string) =>
    new RewindStopped({
      checkpoint: plan.now,
      changed,
      of: plan.changes.length,
      message: `The rewind stopped: ${message}. ${changed} of ${plan.changes.length} files were changed. To restore them as they were before, send thread.rewind with the checkpoint ${plan.now}.`
    })
  for (const part of batches(plan)) {
    const found = yield* Effect.mapError(contents(workTree, part), ({ message }) => stopped(message))
    for (const { after, before, path } of part) {
      if ((yield* Clock.currentTimeMillis) > until)
        return yield* stopped(`it took longer than ${Duration.format(Duration.decode(deadline))}`)
      const content = found.get(after?.object ?? "")
      if (after !== undefined && content === undefined)
        return yield* stopped(`the repository lacks the content of ${RawPath.shown(path)}`)
      const made = after === undefined || content === undefined ? undefined : { ...after, content }
      yield* Effect.tryPromise({
        try: () => WorkFile.replace(root, { path, before, after: made }, id, keeps, onStep),
        catch: (cause) => stopped(`${RawPath.shown(path)}: ${WorkFile.messageOf(cause)}`)
      })
      changed++
    }
  }
  return { checkpoint: plan.now, changed } satisfies Rewound
})
