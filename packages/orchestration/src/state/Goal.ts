/**
 * A goal is an objective for which a thread begins turns until it is met (docs/decisions/0027). This module holds the prompt of these turns, the
 * agent's claim that the goal is met, and the budget. Pure; `decideGoal` decides.
 */
import { cut } from "@millrace/contracts/Text"
import type { GoalId, TurnId } from "@millrace/contracts/Ids"
import type { Usage } from "@millrace/contracts/Item"
import type { Goal, GoalBudget, GoalUsed } from "@millrace/contracts/State"
import * as Model from "@millrace/model/Goal"
import type { Outcome } from "@millrace/model/Turn"
import { Duration } from "effect"

/** An agent's claim about the goal, from the last line of a turn's last message. */
export interface Claim {
  readonly says: "complete" | "blocked"
  /** Why it is blocked; empty for `complete`. */
  readonly why: string
}

/** How the goal's last turn ended. */
export interface Last {
  readonly turnId: TurnId
  readonly outcome: Outcome
  readonly claim?: Claim
  readonly reason?: string
}

export interface GoalState extends Goal {
  /** When the goal's last turn was requested, ISO 8601. */
  readonly turnAt?: string
  readonly last?: Last
  /** Turns in a row that were interrupted without an interrupt request. */
  readonly cuts: number
}

/** Default budget of turns. */
export const defaultTurns = 25
/** Minimum milliseconds between the requests of two turns: an agent that answers at once must not cause a hot loop. */
export const defaultPace = 10_000

/** Whether the goal may begin turns. */
export const isActive = (goal: GoalState | undefined): goal is GoalState => goal?.status === "active"
/** Whether the goal has not ended: it is active or paused. */
export const isArmed = (goal: GoalState | undefined): goal is GoalState => goal?.status === "active" || goal?.status === "paused"

/** The part of the goal that events and read models carry. */
export const view = ({ turnAt: _t, last: _l, cuts: _c, ...goal }: GoalState): Goal => goal

const marker = /^[*_`#>\s]*GOAL (COMPLETE|BLOCKED)\b[*_`.!:\s-]*(.*)$/

/** The claim in a message, if its last non-empty line is one. */
export const claimOf = (text: string): Claim | undefined => {
  const found = marker.exec(text.trimEnd().split("\n").at(-1) ?? "")
  if (found === null) return undefined
  const why = cut((found[2] ?? "").replaceAll(/[*_`]+$/g, ""), 500)
  if (found[1] === "BLOCKED") return { says: "blocked", why: why === "" ? "it gave no reason" : why }
  return why === "" ? { says: "complete", why } : undefined
}

/** Milliseconds that the goal has been active, up to now. */
const activeFor = ({ activeSince, used }: Goal, now: string): number =>
  used.millis + (activeSince === undefined ? 0 : Math.max(0, Date.parse(now) - Date.parse(activeSince)))

const limitMillis = ({ minutes }: GoalBudget): number | undefined =>
  minutes === undefined ? undefined : Math.round(minutes * 60_000)

/** The goal as active from `now` on. */
export const activated = (goal: Goal, now: string): Goal => {
  const { reason: _r, nextAt: _n, ...rest } = goal
  const limit = limitMillis(goal.budget)
  return {
    ...rest,
    status: "active",
    activeSince: now,
    ...(limit === undefined ? {} : { until: new Date(Date.parse(now) + Math.max(0, limit - goal.used.millis)).toISOString() })
  }
}

/** The goal in a status that begins no turns. */
export const halted = (
  goal: GoalState,
  status: Exclude<Goal["status"], "active">,
  reason: string | undefined,
  now: string
): Goal => {
  const { activeSince: _a, until: _u, nextAt: _n, reason: _r, ...rest } = view(goal)
  return {
    ...rest,
    status,
    used: { ...goal.used, millis: activeFor(goal, now) },
    ...(reason === undefined ? {} : { reason })
  }
}

/** The budget that is used up, as a reason; `undefined` while a further turn may begin. */
export const spent = (goal: Goal, now: string): string | undefined => {
  const { budget, used } = goal
  if (used.turns >= budget.turns) return `its budget of ${budget.turns} turns is used`
  if (budget.tokens !== undefined && used.tokens >= budget.tokens) return `its budget of ${budget.tokens} tokens is used`
  const limit = limitMillis(budget)
  return limit !== undefined && activeFor(goal, now) >= limit ? `its budget of ${budget.minutes} minutes is used` : undefined
}

const left = (goal: Goal, now: string): string => {
  const { budget, used } = goal
  const limit = limitMillis(budget)
  return [
    `This is turn ${used.turns + 1} of at most ${budget.turns}.`,
    ...(budget.tokens === undefined ? [] : [`${budget.tokens - used.tokens} tokens are left.`]),
    ...(limit === undefined ? [] : [`${Duration.format(Duration.millis(limit - activeFor(goal, now)))} are left.`])
  ].join(" ")
}

/** The prompt of a goal's turn. No line begins with the marker, so that an agent that repeats its prompt makes no claim. */
export const textOf = (goal: Goal, now: string): string =>
  `Work towards this goal until it is met:

${goal.objective}

${left(goal, now)} Look at the state of the work and go on with it. Only when the goal is met, say what was done and end your answer with a line that says GOAL COMPLETE and nothing else. If you cannot go on without a person, end it with a line that begins with GOAL BLOCKED: and says what you need. Else say what you did; you are asked to go on.`

/** The id of the goal's next turn, unique over all threads. */
export const nextTurnId = ({ goalId, used }: Goal): TurnId => `${Model.turnPrefix(goalId)}${used.turns + 1}` as TurnId

/** The usage with another turn. A turn counts when it is requested. */
export const counted = ({ used }: Goal): GoalUsed => ({ ...used, turns: used.turns + 1 })

/** The goal after a `goal.*` event. A new or resumed goal begins without a last turn. */
export const changed = (known: GoalState | undefined, event: Model.GoalEvent): GoalState | undefined => {
  const goal = Model.goalOf(event.data)
  if (event.type === "goal.set" || event.type === "goal.resumed") return { ...goal, cuts: 0 }
  if (known === undefined) return undefined
  const { cuts, last, turnAt } = known
  return { ...goal, cuts, ...(last === undefined ? {} : { last }), ...(turnAt === undefined ? {} : { turnAt }) }
}

/** The goal after one of its turns was requested. */
export const turnRequested = (goal: GoalState, used: GoalUsed, at: string): GoalState => {
  const { last: _l, ...rest } = Model.begun(goal, used)
  return { ...rest, turnAt: at }
}

/** The goal after one of its turns ended. `interruptRequested`: of that turn. */
export const turnEnded = (goal: GoalState, last: Last, usage: Usage | undefined, interruptRequested: boolean): GoalState => ({
  ...goal,
  used: Model.counted(goal, usage),
  last,
  cuts: last.outcome === "interrupted" && !interruptRequested ? goal.cuts + 1 : last.outcome === "completed" ? 0 : goal.cuts
})

/** Whether the goal began this turn. */
export const owns = (
  goal: GoalState | undefined,
  turn: { readonly goalId?: GoalId | undefined } | undefined
): goal is GoalState => goal !== undefined && turn !== undefined && turn.goalId === goal.goalId
