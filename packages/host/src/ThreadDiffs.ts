/** What the turns of a thread changed in its directory, from its checkpoints. */
import { defined } from "@millrace/contracts/Defined"
import { CommandRejected, NotFound, StorageUnavailable } from "@millrace/contracts/Errors"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Millrace } from "@millrace/contracts/Millrace"
import { make as makePermits } from "@millrace/contracts/Permits"
import type { ChangedFile, Diff } from "@millrace/contracts/Workspace"
import { type Change, type CheckpointError, Checkpoints, type Point } from "@millrace/workspace/Checkpoints"
import { shown } from "@millrace/workspace/RawPath"
import { Effect, Option } from "effect"

/** Two states of the files. Default: from the thread's first checkpoint to now. `turnId`: from the start of this turn to its end, or to now while it runs. */
export interface Range {
  readonly from?: "start" | TurnId | undefined
  readonly to?: "now" | TurnId | undefined
  readonly turnId?: TurnId | undefined
}

type DiffError = NotFound | CommandRejected | StorageUnavailable

export interface ThreadDiffs {
  /** The files that differ. `hunks`: with their lines. Rejected with `NoCheckpoint` if one of the states is not stored. */
  readonly diff: (threadId: ThreadId, range: Range & { readonly hunks?: boolean | undefined }) => Effect.Effect<Diff, DiffError>
  /** The unified diff, at most 8 MiB. File names and contents may be any bytes. */
  readonly patch: (
    threadId: ThreadId,
    range: Range
  ) => Effect.Effect<{ readonly patch: Uint8Array; readonly truncated: boolean; readonly late: boolean }, DiffError>
}

const off = new CommandRejected({
  rule: "Unsupported",
  message: 'This server takes no checkpoints, so it has no diffs. Set checkpoints to "on" in its configuration.'
})

const noCheckpoint = (message: string, id?: string) => new CommandRejected({ rule: "NoCheckpoint", message, ...defined({ id }) })

export const noRepository = noCheckpoint(
  'The directory of the thread does not exist, or is in no git repository and has no checkpoints. Create a repository there, or set checkpoints to "everywhere" in the configuration of the server.'
)

const worded = (error: CheckpointError): CommandRejected | StorageUnavailable =>
  error._tag === "NotARepository"
    ? noRepository
    : error._tag === "RepositoryRefused"
      ? noCheckpoint(error.message)
      : new StorageUnavailable({ message: error.message, retryAfterMillis: 5000 })

/** Maximum number of concurrent comparisons. Each takes up to 50 MB. Further comparisons wait. */
const concurrent = 4
/** Maximum number of turns whose changed files a diff reads, to name the turn of each hunk. */
const maxTurns = 50

/** The file as the answer shows it. `turnId`: of its hunks. */
const viewOf = ({ hunks, oldPath, path, ...file }: Change, turnId: TurnId | undefined): ChangedFile => ({
  path: shown(path),
  ...defined({ oldPath: oldPath === undefined ? undefined : shown(oldPath) }),
  status: file.status,
  additions: file.additions,
  deletions: file.deletions,
  binary: file.binary,
  ...defined({ hunks: hunks?.map((lines) => Object.assign({}, lines, defined({ turnId }))) })
})

const noTurn = (id: TurnId) =>
  new NotFound({ what: "turn", id, message: "The thread has no such turn. Read /api/threads/ID/turns." })

/** `hasTurn`: whether the thread has the turn. */
export const make = (
  views: Pick<Millrace, "thread">,
  hasTurn: (threadId: ThreadId, turnId: TurnId) => Effect.Effect<boolean, StorageUnavailable>
): Effect.Effect<ThreadDiffs> =>
  Effect.map(Effect.serviceOption(Checkpoints), (service) => {
    const permits = makePermits(concurrent)
    const resolved = Effect.fn("ThreadDiffs.resolve")(function* (threadId: ThreadId, range: Range) {
      const thread = yield* views.thread(threadId)
      if (Option.isNone(service)) return yield* off
      const checkpoints = service.value
      const { cwd } = thread
      const points = yield* Effect.mapError(checkpoints.list(threadId, cwd), worded)
      const find = (turnId: TurnId, point: "start" | "end") => points.find((one) => one.turnId === turnId && one.point === point)
      const need = Effect.fnUntraced(function* (found: Point | undefined, turnId: TurnId | undefined, what: string) {
        if (found !== undefined) return found
        if (turnId !== undefined && !(yield* hasTurn(threadId, turnId))) return yield* noTurn(turnId)
        return yield* noCheckpoint(
          `The thread has no checkpoint of ${what}. An event checkpoint.failed of the thread says why; there is no such event if checkpoints were off at that time.`,
          turnId
        )
      })
      const { from = "start", to = "now", turnId } = range
      const first =
        turnId === undefined && from === "start"
          ? yield* need(
              points.find(({ point }) => point === "start"),
              undefined,
              "the start of the thread's first turn"
            )
          : yield* need(find(turnId ?? (from as TurnId), "start"), turnId ?? (from as TurnId), "the start of this turn")
      const last = turnId ?? (to === "now" ? undefined : to)
      const isNow = last === undefined || (last === thread.activeTurnId && find(last, "end") === undefined)
      const end = isNow
        ? { ...(yield* Effect.mapError(checkpoints.now(cwd), worded)), late: false }
        : yield* need(find(last, "end"), last, "the end of this turn")
      const ended = isNow ? Number.MAX_SAFE_INTEGER : (find(last, "end")?.at ?? 0)
      const within = points.filter(({ at }) => at >= first.at && at <= ended)
      return { checkpoints, cwd, base: first.commit, end: end.commit, late: first.late || end.late, within }
    })

    /** Key: a file. Value: the last turn of the range that changed it. */
    const turnsOf = ({ checkpoints, cwd, within }: Effect.Effect.Success<ReturnType<typeof resolved>>) =>
      Effect.gen(function* () {
        const turns = new Map<string, TurnId>()
        const starts = within.filter(({ point }) => point === "start").slice(-maxTurns)
        for (const { commit, turnId } of starts) {
          const end = within.find((one) => one.turnId === turnId && one.point === "end")
          if (end === undefined) continue
          for (const path of yield* checkpoints.names(cwd, commit, end.commit)) turns.set(path, turnId)
        }
        return turns
      })

    return {
      diff: (threadId, { hunks = false, ...range }) =>
        Effect.gen(function* () {
          const found = yield* resolved(threadId, range)
          const { base, checkpoints, cwd, end, late } = found
          const { files, truncated } = yield* Effect.mapError(permits(checkpoints.compare(cwd, base, end, hunks)), worded)
          const turns = hunks && range.turnId === undefined ? yield* Effect.mapError(permits(turnsOf(found)), worded) : undefined
          const turnOf = (path: string) => range.turnId ?? turns?.get(path)
          return {
            base,
            files: files.map((file) => viewOf(file, turnOf(file.path))),
            ...(truncated ? { truncated: true as const } : {}),
            ...(late ? { late: true as const } : {})
          }
        }),
      patch: (threadId, range) =>
        Effect.gen(function* () {
          const { base, checkpoints, cwd, end, late } = yield* resolved(threadId, range)
          return { ...(yield* Effect.mapError(permits(checkpoints.patch(cwd, base, end)), worded)), late }
        })
    }
  })
