/** The goal of a thread, folded from events. */
import type { DomainEvent } from "@millrace/contracts/Event"
import type { GoalId } from "@millrace/contracts/Ids"
import type { Usage } from "@millrace/contracts/Item"
import type { Goal, GoalUsed } from "@millrace/contracts/State"
import { isTerminal, type TerminalEvent } from "./Turn.ts"

/** The tokens that a turn used, as far as the agent reports them. */
export const tokensOf = (usage: Usage | undefined): number =>
  usage?.totalTokens ?? (usage?.inputTokens ?? 0) + (usage?.outputTokens ?? 0)

/** The prefix of the ids of the turns that a goal starts. */
export const turnPrefix = (goalId: GoalId): string => `trn_${goalId.slice("goal_".length)}_g`

/** The goal after one of its turns was requested. `used` includes that turn. */
export const begun = <G extends Goal>(goal: G, used: GoalUsed) => {
  const { nextAt: _, ...rest } = goal
  return { ...rest, used }
}

/** What a goal has used after one of its turns ended. */
export const counted = ({ used }: Goal, usage: Usage | undefined): GoalUsed => ({
  ...used,
  tokens: used.tokens + tokensOf(usage)
})

/** Whether the turn that this event ends worked towards the goal. In a log of an older version only the turn's id shows that. */
const isOf = ({ goalId }: Goal, { data }: TerminalEvent): boolean =>
  data.goalId === undefined ? data.turnId.startsWith(turnPrefix(goalId)) : data.goalId === goalId

/** An event of a goal. It carries the whole goal. */
export type GoalEvent = Extract<DomainEvent, { readonly type: `goal.${string}` }>

export const isGoalEvent = (event: DomainEvent): event is GoalEvent => event.type.startsWith("goal.")

/** The goal that a `GoalEvent` carries. */
export const goalOf = (data: GoalEvent["data"]): Goal => {
  const { threadId: _, ...goal } = data
  return goal
}

/** The goal after an event of its thread. Returns the same value if the event does not change it. */
export const apply = (goal: Goal | undefined, event: DomainEvent): Goal | undefined => {
  if (isGoalEvent(event)) return goalOf(event.data)
  if (goal === undefined) return undefined
  if (event.type === "turn.requested") return event.data.goal?.goalId === goal.goalId ? begun(goal, event.data.goal.used) : goal
  return isTerminal(event) && isOf(goal, event) ? { ...goal, used: counted(goal, event.data.usage) } : goal
}
