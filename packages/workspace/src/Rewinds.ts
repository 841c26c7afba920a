/**
 * Takes the files of a work tree back to a checkpoint, and back again. Before the first file changes, the present files are stored as a checkpoint with a ref
 * (the safety checkpoint) and a journal is written, so that after a crash each file is as before or as after, and there is a way back (W7, W8).
 */
import { defined } from "@millrace/contracts/Defined"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { namedFiles } from "@millrace/contracts/Workspace"
import { Context, type Duration, Effect, Either, Layer, Option } from "effect"
import { randomBytes } from "node:crypto"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { type CheckpointError, Checkpoints } from "./Checkpoints.ts"
import { Git, type GitError } from "./Git.ts"
import * as KeyedPermits from "./KeyedPermits.ts"
import * as RawPath from "./RawPath.ts"
import * as RewindApply from "./RewindApply.ts"
import * as RewindPaths from "./RewindPaths.ts"
import * as Journal from "./RewindJournal.ts"
import * as RewindPlan from "./RewindPlan.ts"
import * as RewindRefs from "./RewindRefs.ts"
import * as Repository from "./Repository.ts"
import * as Shadow from "./Shadow.ts"
import { gapsOf, refuse, type RewindRefused, type Span, spansOf, spansSince } from "./RewindSpans.ts"
import * as WorkFile from "./WorkFile.ts"
import * as WorkTree from "./WorkTree.ts"

export type RewindError = CheckpointError | RewindRefused | WorkFile.FileFailed

/** Where to: before the first of these turns; the start of a turn, or the thread's first checkpoint; the safety checkpoint of an earlier rewind. */
export type Goal =
  | {
      /** Turns of the thread that began, in order; the first one and all later ones. */
      readonly turns: ReadonlyArray<TurnId>
    }
  | {
      /** Of a turn without both checkpoints it is not known what it changed: its changes count as those of others. `undefined`: the thread's first checkpoint. */
      readonly since: TurnId | undefined
    }
  | { readonly checkpoint: string }

export interface Request {
  readonly threadId: ThreadId
  /** The thread's directory. Absolute. */
  readonly cwd: string
  readonly goal: Goal
  /** A discard: only these files, relative to `cwd`. Refused if no turn changed one of them, or if one would stay as it is. */
  readonly paths?: ReadonlyArray<string> | undefined
}

export interface Preview extends RewindPlan.Plan {
  /** An agent may have written before a checkpoint was complete: the rewind may lack some of its changes. */
  readonly late: boolean
}

/** Steps at which a test ends the server. */
export type Step = "planned" | "saved" | "journaled" | "applied" | WorkFile.Step

export interface Options {
  /** Directory of the private git directories. */
  readonly home: string
  readonly bounds?: RewindPlan.Bounds
  /** As that of `Checkpoints`. */
  readonly reach?: Shadow.Reach
  /** The longest time in which files are changed. Default 2 minutes. */
  readonly deadline?: Duration.DurationInput
  readonly onStep?: (step: Step) => Promise<void>
}

/** A rewind that a killed server left. Its temporary files are removed. */
export interface Unfinished {
  readonly journal: Journal.Journal
  /** Files that are as the rewind makes them, of how many; those that are neither so nor as they were before it. */
  readonly changed: number
  readonly of: number
  readonly others: number
  /** Forgets it. */
  readonly settle: Effect.Effect<void>
}

export class Rewinds extends Context.Tag("@millrace/workspace/Rewinds")<
  Rewinds,
  {
    /** What the rewind would change. Changes no file. */
    readonly preview: (request: Request) => Effect.Effect<Preview, RewindError>
    /**
     * Changes the files, then runs `record`, after which a restart no longer reports the rewind. Rewinds of one work tree run one after another. With
     * `expected` it is refused unless the files are as the preview with this value saw them; without, if it would replace what others have changed.
     */
    readonly run: <A, E>(
      request: Request & { readonly actor: string; readonly turnId?: TurnId | undefined; readonly expected?: string | undefined },
      record: (outcome: Either.Either<RewindApply.Rewound, RewindApply.RewindStopped>) => Effect.Effect<A, E>
    ) => Effect.Effect<A, RewindError | E>
    /** The rewinds that a killed server left. Call it before the first `run`. */
    readonly unfinished: Effect.Effect<ReadonlyArray<Unfinished>>
    /** The root of the work tree of a directory. */
    readonly rootOf: (cwd: string) => Effect.Effect<string, CheckpointError>
  }
>() {}

const unfit = (paths: ReadonlyArray<RewindPaths.Unfit>) =>
  refuse(
    "NothingToDiscard",
    `These files cannot be discarded: ${RewindPaths.listed(paths)}. Nothing was changed. GET /api/threads/ID/diff (millrace diff THREAD) shows the files that changed.`
  )

export const make = (options: Options): Effect.Effect<typeof Rewinds.Service, never, Git | Checkpoints> =>
  Effect.gen(function* () {
    const git = yield* Git
    const checkpoints = yield* Checkpoints
    const { bounds, deadline = "2 minutes", home, onStep = async () => {}, reach = "repositories" } = options
    const withGit = Effect.provideService(Git, git)
    const find = (cwd: string) => withGit(Shadow.find(cwd, home, reach))
    const step = (name: Step) => Effect.promise(() => onStep(name))
    const oneRewind = KeyedPermits.make()
    /** After a failure, on a full disk, the files that the rewind did not reach count as changed by others in the way back. */
    const narrowed = (...change: Parameters<typeof RewindRefs.narrow>) =>
      withGit(RewindRefs.narrow(...change)).pipe(
        Effect.catchAll(({ message }) => Effect.logWarning(`The result of a rewind that stopped could not be stored: ${message}`))
      )

    const rootOf = (workTree: WorkTree.WorkTree) =>
      Effect.map(
        RewindPlan.run(workTree, ["config", "--type=bool", "--get", "core.filemode"], undefined, [0, 1]),
        ({ stdout }): WorkFile.Root => ({
          path: workTree.root,
          objectFormat: workTree.objectFormat,
          hasModes: stdout.toString().trim() !== "false"
        })
      )

    /** Only files that the two commits know about are compared, so what a commit lacks stays. */
    const messageIn = (workTree: WorkTree.WorkTree, commit: string) =>
      Effect.flatMap(RewindRefs.messageOf(workTree, commit), (message) =>
        Option.isSome(message) && message.value.complete
          ? Effect.succeed(message.value)
          : refuse(
              "NoCheckpoint",
              "The checkpoint is not complete: more than 1,000 files were too large for it, or could not be read."
            )
      )

    const planned = Effect.fn("Rewinds.plan")(
      function* ({ cwd, goal, paths, threadId }: Request) {
        const workTree = WorkTree.placeOf(yield* find(cwd), home)
        // First: a checkpoint that is being taken is then stored.
        const { commit: now, skipped } = yield* checkpoints.now(cwd)
        const root = yield* rootOf(workTree)
        const below = yield* Repository.belowRoot(workTree, cwd)
        const only = paths === undefined ? undefined : RewindPaths.resolve(below, paths)
        if (only !== undefined && only.outside.length > 0) return yield* unfit(only.outside)
        const rewinds = yield* RewindRefs.list(workTree, threadId)
        const wayBack = "checkpoint" in goal ? rewinds.find(({ from }) => from === goal.checkpoint) : undefined
        const points = "checkpoint" in goal ? [] : yield* checkpoints.list(threadId, cwd)
        const turns =
          "turns" in goal ? yield* spansOf(points, goal.turns) : "since" in goal ? yield* spansSince(points, goal.since) : []
        const since = turns[0]?.at ?? 0
        const later = rewinds
          .filter(({ at }) => at >= since)
          .map(({ at, from, to }): Span => ({ at, pair: [from, to], late: false }))
        const spans: ReadonlyArray<Span> =
          turns.length > 0
            ? [...turns, ...later].toSorted((a, b) => a.at - b.at)
            : wayBack === undefined
              ? []
              : [{ at: wayBack.at, pair: [wayBack.from, wayBack.to], late: false }]
        const target = turns[0]?.pair[0] ?? wayBack?.from
        if (target === undefined)
          return yield* refuse(
            "NoCheckpoint",
            "The thread has no rewind with this checkpoint. Only the last 100 rewinds can be taken back."
          )
        const message = yield* messageIn(workTree, target)
        const plan = yield* RewindPlan.make(
          workTree,
          root,
          {
            target,
            now,
            turns: spans.map(({ pair }) => pair),
            others: gapsOf(spans, now),
            at: message.at,
            only: only?.paths,
            skipped: new Set([...message.skipped, ...skipped.map(({ path }) => path)])
          },
          bounds
        )
        const found = only === undefined ? [] : yield* RewindPaths.unfit(workTree, plan)
        if (found.length > 0) return yield* unfit(found)
        return { plan, root, workTree, below, late: spans.some(({ late }) => late) }
      },
      (self) => Effect.catchTag(withGit(self), "TooLarge", ({ message }) => refuse("Unsupported", message))
    )

    const changedMeanwhile = (paths: ReadonlyArray<RawPath.RawPath>) =>
      refuse(
        "WorkspaceChanged",
        `Files have changed since the preview, or would be overwritten without one: ${paths.slice(0, 5).map(RawPath.shown).join(", ")}${paths.length > 5 ? ` and ${paths.length - 5} more` : ""}. Nothing was changed. Take a new preview.`
      )

    const run: (typeof Rewinds.Service)["run"] = (request, record) =>
      Effect.gen(function* () {
        const repository = yield* find(request.cwd)
        return yield* oneRewind(repository.root)(
          Effect.gen(function* () {
            const { below, late, plan, root, workTree } = yield* planned(request)
            const { actor, expected, paths, threadId, turnId } = request
            const others = plan.changes.filter(({ changedSince }) => changedSince).map(({ path }) => path)
            if (expected === undefined ? others.length > 0 : expected !== plan.expected)
              return yield* changedMeanwhile(others.length > 0 ? others : plan.changes.map(({ path }) => path))
            if (expected === undefined && late)
              return yield* refuse(
                "NoCheckpoint",
                "An agent may have written files before the checkpoint of a turn was complete. Take a preview, and send its expected to rewind to what the checkpoint has."
              )
            yield* step("planned")
            const differing: Array<RawPath.RawPath> = []
            for (const { before, path } of plan.changes)
              if (!(yield* WorkFile.attempt(() => WorkFile.matches(root, path, before)))) differing.push(path)
            if (differing.length > 0) return yield* changedMeanwhile(differing)
            const to = yield* withGit(RewindRefs.write(workTree, threadId, plan.now, plan.changes))
            yield* step("saved")
            const id = randomBytes(8).toString("hex")
            yield* WorkFile.attempt(() =>
              Journal.write(workTree.privateDir, {
                id,
                threadId,
                actor,
                from: plan.now,
                to,
                ...defined({ turnId, paths: paths === undefined ? undefined : namedFiles(paths) })
              })
            )
            yield* step("journaled")
            const apply = RewindApply.apply({ plan, root, workTree, below, id, deadline, onStep })
            const outcome = yield* Effect.either(withGit(apply))
            if (Either.isLeft(outcome))
              yield* narrowed(workTree, threadId, plan.now, RewindApply.first(plan, outcome.left.changed))
            yield* step("applied")
            const recorded = yield* record(outcome)
            yield* Effect.promise(() => Journal.remove(workTree.privateDir))
            return recorded
          })
        )
      })

    const unfinishedIn = (privateDir: string) =>
      Effect.gen(function* () {
        const journal = yield* Effect.promise(() => Journal.read(privateDir))
        const repository = yield* Effect.promise(() => WorkTree.repositoryOf(privateDir))
        if (journal === undefined || repository === undefined) return []
        const workTree = WorkTree.placeOf(repository, home)
        const root = yield* rootOf(workTree)
        const differences = yield* RewindPlan.differences(workTree, journal.from, journal.to)
        yield* Effect.promise(() =>
          WorkFile.sweep(
            root,
            differences.map(({ path }) => path),
            journal.id
          )
        )
        const done: Array<RewindRefs.Result> = []
        let others = 0
        for (const { from, path, to } of differences)
          if (yield* WorkFile.attempt(() => WorkFile.matches(root, path, to))) done.push({ path, after: to })
          else if (!(yield* WorkFile.attempt(() => WorkFile.matches(root, path, from)))) others++
        // A thread that was deleted since has no refs.
        const rewinds = yield* RewindRefs.list(workTree, journal.threadId)
        if (rewinds.some(({ from }) => from === journal.from)) yield* narrowed(workTree, journal.threadId, journal.from, done)
        const settle = Effect.promise(() => Journal.remove(privateDir))
        return [{ journal, changed: done.length, of: differences.length, others, settle } satisfies Unfinished]
      }).pipe(
        withGit,
        Effect.catchAll((error: GitError | WorkFile.FileFailed) =>
          Effect.as(Effect.logWarning(`A rewind that was cut off in ${privateDir} cannot be read: ${error.message}`), [])
        )
      )

    return Rewinds.of({
      preview: (request) => Effect.map(planned(request), ({ late, plan }) => ({ ...plan, late })),
      run,
      unfinished: Effect.promise(() => readdir(home).catch(() => [])).pipe(
        Effect.flatMap((names) => Effect.forEach(names, (name) => unfinishedIn(join(home, name)))),
        Effect.map((found) => found.flat())
      ),
      rootOf: (cwd) => Effect.map(find(cwd), ({ root }) => root)
    })
  })

/** Needs `Git` and `Checkpoints`. */
export const layer = (options: Options) => Layer.effect(Rewinds, make(options))
