/**
 * The refs of checkpoints, in the person's repository: `refs/millrace/threads/THREAD/TURN/start|end`. They keep the commits from garbage collection. Only
 * git writes them, in transactions with fsync, so a crash leaves no empty ref. A lock file of ours that a killed git left is removed; no other is touched.
 */
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { Effect } from "effect"
import { rm } from "node:fs/promises"
import { join } from "node:path"
import { Git, type GitFailed } from "./Git.ts"
import type { Repository } from "./Repository.ts"

const root = "refs/millrace/threads"

export type Point = "start" | "end"

/** A name of git: ids have only letters, digits, `_` and `-`. */
export const nameOf = (threadId: ThreadId, turnId: TurnId, point: Point): string => `${root}/${threadId}/${turnId}/${point}`

type Place = Pick<Repository, "commonDir">

/** Runs git on the refs of the repository. The work tree and its index are not read. */
const onRefs = ({ commonDir }: Place, args: ReadonlyArray<string>, input?: string) =>
  Effect.flatMap(Git, (git) =>
    git.run(["-c", "core.logAllRefUpdates=false", "-c", "core.fsync=loose-object,reference", ...args], {
      cwd: commonDir,
      env: { GIT_DIR: commonDir },
      ...(input === undefined ? {} : { input })
    })
  )

/** Whether this git failed because of a lock file of that ref. */
const isLocked = ({ stderr }: GitFailed, name: string) => stderr.includes(`${name}.lock`) && stderr.includes("File exists")

/** Writes the ref; one of the same name is replaced. Call it for one ref of a name at a time: then a lock on it is of a process that was killed. */
export const write = (place: Place, name: string, commit: string) => {
  const update = onRefs(place, ["update-ref", "--no-deref", name, commit])
  return Effect.catchIf(
    update,
    (error): error is GitFailed => error._tag === "GitFailed" && isLocked(error, name),
    () =>
      Effect.zipRight(
        Effect.promise(() => rm(join(place.commonDir, `${name}.lock`), { force: true })),
        update
      )
  )
}

export interface Ref {
  readonly name: string
  readonly commit: string
  /** The body of the commit's message. */
  readonly body: string
}

/** The refs of a thread. */
export const list = (place: Place, threadId: ThreadId) =>
  Effect.map(
    onRefs(place, ["for-each-ref", "--format=%(objectname) %(refname) %(contents:body)", `${root}/${threadId}/`]),
    ({ stdout }) =>
      stdout
        .toString()
        .split("\n")
        .flatMap((line): ReadonlyArray<Ref> => {
          const [, commit, name, body = ""] = /^([0-9a-f]+) (refs\/\S+) ?(.*)$/.exec(line) ?? []
          return commit === undefined || name === undefined ? [] : [{ commit, name, body }]
        })
  )

/** Removes the refs, all or none. A ref that does not exist is no failure. */
export const remove = (place: Place, refs: ReadonlyArray<Pick<Ref, "name">>) =>
  refs.length === 0
    ? Effect.void
    : Effect.asVoid(
        onRefs(place, ["update-ref", "--no-deref", "--stdin", "-z"], refs.map(({ name }) => `delete ${name}\0\0`).join(""))
      )
