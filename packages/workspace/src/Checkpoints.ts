/**
 * Checkpoints of threads: the files of a work tree at the start and at the end of each turn. Captures of one work tree run one after the other, and one
 * capture serves every request that was made before it began to read.
 */
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { Clock, Context, Deferred, Duration, Effect, Exit, Layer, Option, Schema, type Scope } from "effect"
import { mkdir, readdir, rm } from "node:fs/promises"
import { basename, join } from "node:path"
import * as Capture from "./Capture.ts"
import * as Diff from "./Diff.ts"
import type { RawPath } from "./RawPath.ts"
import { Git, type GitError, GitTimeout, type NotARepository, type RepositoryRefused } from "./Git.ts"
import * as KeyedPermits from "./KeyedPermits.ts"
import * as Refs from "./Refs.ts"
import type * as Repository from "./Repository.ts"
import * as Shadow from "./Shadow.ts"
import * as WorkTree from "./WorkTree.ts"

/** After two captures that reached their deadline, none is tried for a while. */
export class CheckpointsPaused extends Schema.TaggedError<CheckpointsPaused>()("CheckpointsPaused", { message: Schema.String }) {}

export type CheckpointError = GitError | NotARepository | RepositoryRefused | CheckpointsPaused

export interface Request {
  readonly threadId: ThreadId
  readonly turnId: TurnId
  readonly point: Refs.Point
  /** The thread's directory. Absolute. */
  readonly cwd: string
  /** Asked when all files are read: whether an agent may have written before. Default: no. */
  readonly isLate?: Effect.Effect<boolean>
}

/** A checkpoint that was stored. */
export interface Taken extends Capture.Captured {
  readonly late: boolean
}

export type { Change } from "./Diff.ts"
export type { Reach } from "./Shadow.ts"

/** A stored checkpoint. */
export interface Point {
  readonly turnId: TurnId
  readonly point: Refs.Point
  readonly commit: string
  /** Milliseconds since 1970, before the files were read. */
  readonly at: number
  /** An agent of the directory may have written before all files were read. */
  readonly late: boolean
}

export interface Options {
  /** Directory of the private git directories; created when needed. */
  readonly home: string
  readonly bounds?: Capture.Bounds
  /** Default `repositories`. */
  readonly reach?: Shadow.Reach
  /** Deadline of one capture. Default 2 minutes. */
  readonly deadline?: Duration.DurationInput
  /** How long no capture is tried after two that reached the deadline. Default 10 minutes. */
  readonly pause?: Duration.DurationInput
}

export class Checkpoints extends Context.Tag("@millrace/workspace/Checkpoints")<
  Checkpoints,
  {
    /** Stores the files as they are at a time after this call began. An interruption abandons the wait, not the capture. */
    readonly take: (request: Request) => Effect.Effect<Taken, CheckpointError>
    /** The files as they are at a time after this call began, as a commit without a ref. */
    readonly now: (cwd: string) => Effect.Effect<Capture.Captured, CheckpointError>
    /** The thread's checkpoints in the repository of this directory, oldest first. */
    readonly list: (threadId: ThreadId, cwd: string) => Effect.Effect<ReadonlyArray<Point>, CheckpointError>
    readonly compare: (cwd: string, from: string, to: string, hunks: boolean) => Effect.Effect<Diff.Changes, CheckpointError>
    readonly patch: (
      cwd: string,
      from: string,
      to: string
    ) => Effect.Effect<{ readonly patch: Uint8Array; readonly truncated: boolean }, CheckpointError>
    /** The paths that differ between the commits. */
    readonly names: (cwd: string, from: string, to: string) => Effect.Effect<ReadonlyArray<RawPath>, CheckpointError>
    /** Removes the thread's refs from every repository that has them. Repeated after a failure or a crash by `threads`. */
    readonly forget: (threadId: ThreadId) => Effect.Effect<void, GitError>
    /** Removes the refs of the thread's checkpoints of turns that were taken before a time, in milliseconds since 1970. Returns their number. */
    readonly expire: (threadId: ThreadId, before: number) => Effect.Effect<number, GitError>
    /** The threads that may have refs. */
    readonly threads: Effect.Effect<ReadonlyArray<ThreadId>>
    /** Removes the private git directories that no thread uses, and packs shadow repositories. `forget` removes that of the last thread. */
    readonly prune: Effect.Effect<void>
  }
>() {}

interface Lane {
  /** The capture that has not begun to read. */
  next: Deferred.Deferred<Capture.Captured, CheckpointError> | undefined
  timeouts: number
  pausedUntil: number
}

const maxTimeouts = 2

const isTurnId = Schema.is(TurnId)
const isThreadId = Schema.is(ThreadId)
const isThread = (name: string): name is ThreadId => isThreadId(name)

/** A name that `WorkTree.placeOf` makes. */
const isPrivateName = /^[0-9a-f]{32}$/

const namesIn = (directory: string): Promise<ReadonlyArray<string>> => readdir(directory).catch(() => [])

export const make = (options: Options): Effect.Effect<typeof Checkpoints.Service, never, Git | Scope.Scope> =>
  Effect.gen(function* () {
    const git = yield* Git
    const scope = yield* Effect.scope
    const { bounds, deadline = "2 minutes", home, pause = "10 minutes", reach = "repositories" } = options
    const withGit = Effect.provideService(Git, git)
    const find = (cwd: string) => withGit(Shadow.find(cwd, home, reach))
    /** Key: the root of a work tree. */
    const oneCapture = KeyedPermits.make()
    const lanes = new Map<string, Lane>()
    const laneOf = (root: string): Lane => {
      const known = lanes.get(root)
      if (known !== undefined) return known
      const lane: Lane = { next: undefined, timeouts: 0, pausedUntil: 0 }
      lanes.set(root, lane)
      return lane
    }

    /** One more try with a new index: files changed while git read them, or the index is damaged. */
    const read = (repository: Repository.Repository) =>
      Effect.gen(function* () {
        const workTree = yield* WorkTree.open(repository, home)
        return yield* Effect.catchTag(Capture.capture(workTree, bounds), "GitFailed", () =>
          WorkTree.reset(workTree).pipe(
            Effect.zipRight(WorkTree.open(repository, home)),
            Effect.flatMap((again) => Capture.capture(again, bounds))
          )
        )
      }).pipe(
        Effect.timeoutFail({
          duration: deadline,
          onTimeout: () =>
            new GitTimeout({
              command: "checkpoint",
              message: `The checkpoint was not complete within ${Duration.format(Duration.decode(deadline))}.`
            })
        }),
        withGit
      )

    const paused = new CheckpointsPaused({
      message: `Two checkpoints of this directory were not complete in time. None is tried for ${Duration.format(Duration.decode(pause))}.`
    })

    const guarded = (lane: Lane, repository: Repository.Repository) =>
      Effect.gen(function* () {
        if (lane.pausedUntil > (yield* Clock.currentTimeMillis)) return yield* paused
        const exit = yield* Effect.exit(read(repository))
        const isTimeout = Exit.isFailure(exit) && exit.cause._tag === "Fail" && exit.cause.error._tag === "GitTimeout"
        lane.timeouts = isTimeout ? lane.timeouts + 1 : 0
        // Work trees come and go: without a timeout there is nothing to remember.
        if (lane.timeouts === 0 && lane.next === undefined) lanes.delete(repository.root)
        if (lane.timeouts >= maxTimeouts) lane.pausedUntil = (yield* Clock.currentTimeMillis) + Duration.toMillis(pause)
        return yield* exit
      })

    /** Joins the capture that has not begun, or begins one. */
    const captured = (repository: Repository.Repository) =>
      Effect.gen(function* () {
        const lane = laneOf(repository.root)
        if (lane.next !== undefined) return lane.next
        const next = yield* Deferred.make<Capture.Captured, CheckpointError>()
        lane.next = next
        const begin = Effect.suspend(() => {
          lane.next = undefined
          return guarded(lane, repository)
        })
        yield* Effect.forkIn(Deferred.complete(next, oneCapture(repository.root)(begin)), scope)
        return next
      }).pipe(Effect.uninterruptible, Effect.flatMap(Deferred.await))

    /** By private directory: a removal between the marker and its ref would remove the marker and leave the ref. */
    const oneChange = KeyedPermits.make()

    const take = Effect.fn("Checkpoints.take")(function* ({
      cwd,
      isLate = Effect.succeed(false),
      point,
      threadId,
      turnId
    }: Request) {
      const repository = yield* find(cwd)
      const place = WorkTree.placeOf(repository, home)
      const { privateDir } = place
      // Before the ref: after a crash, the deletion of the thread finds the repository.
      const mark = Effect.promise(() => WorkTree.mark(repository, home, threadId))
      // A shadow repository that no thread uses can be removed at any time, with its objects.
      if (repository.shadow === true) yield* oneChange(privateDir)(mark)
      const result = yield* captured(repository)
      const late = yield* isLate
      // A capture may serve several requests, so only the commit of this one says that it is late.
      const commit = late ? yield* withGit(Capture.store(place, result.tree, { ...result.message, late: true })) : result.commit
      yield* oneChange(privateDir)(
        Effect.zipRight(mark, withGit(Refs.write(repository, Refs.nameOf(threadId, turnId, point), commit)))
      )
      return { ...result, commit, late }
    })

    /** With the private directory if there is one, for the attributes of the files; the refs and objects are the same without it. */
    const placeOf = (cwd: string) =>
      Effect.flatMap(find(cwd), (repository) =>
        Effect.promise(async (): Promise<Diff.Place> => {
          const { env, privateDir, root } = WorkTree.placeOf(repository, home)
          const isKnown = (await namesIn(home)).includes(basename(privateDir))
          return { cwd: root, env: isKnown ? env : { GIT_DIR: repository.commonDir } }
        })
      )

    const pointOf = ({ body, commit, name }: Refs.Ref): ReadonlyArray<Point> => {
      const [turnId, point] = name.split("/").slice(-2)
      const message = Option.getOrUndefined(Capture.decodeMessage(body))
      if (message === undefined || !isTurnId(turnId) || (point !== "start" && point !== "end")) return []
      return [{ turnId, point, commit, at: message.at, late: message.late === true }]
    }
    const list = Effect.fn("Checkpoints.list")(function* (threadId: ThreadId, cwd: string) {
      const refs = yield* withGit(Effect.flatMap(find(cwd), (place) => Refs.list(place, threadId)))
      return refs.flatMap(pointOf).toSorted((a, b) => a.at - b.at)
    })

    const directories = Effect.promise(async () =>
      (await namesIn(home)).filter((name) => isPrivateName.test(name)).map((name) => join(home, name))
    )

    /** Between two captures, because one may be using the index. A thread that is about to be marked makes the directory again. */
    const removeUnused = (directory: string) =>
      Effect.flatMap(
        Effect.promise(() => WorkTree.repositoryOf(directory)),
        (place) =>
          oneCapture(place?.root ?? directory)(
            oneChange(directory)(
              Effect.promise(async () => {
                if ((await namesIn(join(directory, "threads"))).length === 0)
                  await rm(directory, { recursive: true, force: true })
              })
            )
          )
      )

    /** Removes refs of the thread from the repository of the private directory. Undefined: it never had any. */
    const removeRefs = (directory: string, threadId: ThreadId, isOld: (ref: Refs.Ref) => boolean) =>
      Effect.gen(function* () {
        const names = yield* Effect.promise(() => namesIn(join(directory, "threads")))
        if (!names.includes(threadId)) return undefined
        const place = yield* Effect.promise(() => WorkTree.repositoryOf(directory))
        // The repository was removed, with its refs.
        if (place === undefined) return 0
        const refs = (yield* withGit(Refs.list(place, threadId))).filter(isOld)
        yield* withGit(Refs.remove(place, refs))
        return refs.length
      })

    const forgetIn = (directory: string, threadId: ThreadId) =>
      Effect.gen(function* () {
        const removed = yield* removeRefs(directory, threadId, () => true)
        if (removed === undefined) return false
        yield* Effect.promise(() => rm(WorkTree.marker(directory, threadId), { force: true }))
        return true
      })

    /** Of a shadow repository. A failure is repeated by the next call. */
    const collect = (directory: string, auto: boolean) =>
      Effect.flatMap(
        Effect.promise(() => WorkTree.repositoryOf(directory)),
        (place) => (place === undefined ? Effect.void : oneCapture(place.root)(withGit(Shadow.collect(place, auto))))
      ).pipe(Effect.catchAll(({ message }) => Effect.logWarning(`Old checkpoints in ${directory} still take space: ${message}`)))

    yield* Effect.promise(() => mkdir(home, { recursive: true, mode: 0o700 }))
    return Checkpoints.of({
      take,
      now: (cwd) => Effect.flatMap(find(cwd), captured),
      list,
      compare: (cwd, from, to, hunks) => Effect.flatMap(placeOf(cwd), (place) => withGit(Diff.compare(place, from, to, hunks))),
      patch: (cwd, from, to) => Effect.flatMap(placeOf(cwd), (place) => withGit(Diff.patch(place, from, to))),
      names: (cwd, from, to) => Effect.flatMap(placeOf(cwd), (place) => withGit(Diff.names(place, from, to))),
      forget: (threadId) =>
        Effect.flatMap(directories, (all) =>
          Effect.forEach(
            all,
            (directory) =>
              Effect.flatMap(oneChange(directory)(forgetIn(directory, threadId)), (had) =>
                had ? Effect.zipRight(removeUnused(directory), collect(directory, false)) : Effect.void
              ),
            { discard: true }
          )
        ),
      expire: (threadId, before) => {
        const isOld = (ref: Refs.Ref) => pointOf(ref).some(({ at }) => at < before)
        return Effect.flatMap(directories, (all) =>
          Effect.reduce(all, 0, (sum, directory) =>
            Effect.flatMap(oneChange(directory)(removeRefs(directory, threadId, isOld)), (removed = 0) =>
              Effect.as(removed === 0 ? Effect.void : collect(directory, false), sum + removed)
            )
          )
        )
      },
      prune: Effect.flatMap(directories, (all) =>
        Effect.forEach(all, (directory) => Effect.zipRight(removeUnused(directory), collect(directory, true)), { discard: true })
      ),
      threads: Effect.flatMap(directories, (all) =>
        Effect.promise(async () => {
          const names = await Promise.all(all.map((directory) => namesIn(join(directory, "threads"))))
          return [...new Set(names.flat())].filter(isThread)
        })
      )
    })
  })

/** Needs `Git`. */
export const layer = (options: Options) => Layer.scoped(Checkpoints, make(options))
