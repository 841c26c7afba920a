/** Which changes since a turn are the thread's own: those between the two checkpoints of each of its turns. Between the turns, others may have changed files. */
import type { TurnId } from "@millrace/contracts/Ids"
import { Effect, Schema } from "effect"
import type { Point } from "./Checkpoints.ts"
import type * as RewindPlan from "./RewindPlan.ts"

/** Nothing was changed. */
export class RewindRefused extends Schema.TaggedError<RewindRefused>()("RewindRefused", {
  rule: Schema.Literal("NoCheckpoint", "NothingToDiscard", "WorkspaceChanged", "Unsupported"),
  message: Schema.String
}) {}

export const refuse = (rule: RewindRefused["rule"], message: string) => new RewindRefused({ rule, message })

/** Maximum number of turns that one rewind takes back. */
export const maxTurns = 1000

const noTurn = (turnId: TurnId, point: string) =>
  refuse(
    "NoCheckpoint",
    `There is no checkpoint of the ${point} of turn ${turnId}, so it is not known which files the turns since then changed. Name a later turn. The events checkpoint.failed of the thread say why it is missing.`
  )

/** Changes that the server knows to be the thread's own: of one turn, or of one rewind. `at`: milliseconds since 1970. */
export interface Span {
  readonly at: number
  readonly pair: RewindPlan.Pair
  /** One of its checkpoints was late. */
  readonly late: boolean
}

/** The spans of the turns. Refused if one of their checkpoints is missing. */
export const spansOf = (
  points: ReadonlyArray<Point>,
  turns: ReadonlyArray<TurnId>
): Effect.Effect<ReadonlyArray<Span>, RewindRefused> =>
  Effect.gen(function* () {
    if (turns.length === 0 || turns.length > maxTurns)
      return yield* refuse("NoCheckpoint", `A rewind goes over 1 to ${maxTurns} turns; these are ${turns.length}.`)
    const byName = new Map(points.map((point) => [`${point.turnId} ${point.point}`, point]))
    return yield* Effect.forEach(turns, (turnId): Effect.Effect<Span, RewindRefused> => {
      const [start, end] = [byName.get(`${turnId} start`), byName.get(`${turnId} end`)]
      if (start === undefined) return noTurn(turnId, "start")
      return end === undefined
        ? noTurn(turnId, "end")
        : Effect.succeed({ at: start.at, pair: [start.commit, end.commit], late: start.late || end.late })
    })
  })

/** The spans of the turns that have both checkpoints, from this turn on. Refused if it has no start. */
export const spansSince = (points: ReadonlyArray<Point>, turnId: TurnId | undefined) => {
  const first = points.findIndex((one) => one.point === "start" && (turnId === undefined || one.turnId === turnId))
  const start = points[first]
  if (start === undefined)
    return turnId === undefined
      ? refuse("NoCheckpoint", "No turn of the thread has a checkpoint, so no file can be discarded.")
      : noTurn(turnId, "start")
  const ended = new Set(points.flatMap((one) => (one.point === "end" ? [one.turnId] : [])))
  const later = points.slice(first).flatMap((one) => (one.point === "start" && ended.has(one.turnId) ? [one.turnId] : []))
  return Effect.map(spansOf(points, later), (spans): ReadonlyArray<Span> =>
    ended.has(start.turnId) ? spans : [{ at: start.at, pair: [start.commit, start.commit], late: start.late }, ...spans]
  )
}

/** Between the spans, and after the last one, others may have changed files. */
export const gapsOf = (spans: ReadonlyArray<Span>, now: string): ReadonlyArray<RewindPlan.Pair> =>
  spans.map(({ pair: [, end] }, at) => [end, spans[at + 1]?.pair[0] ?? now])
