/** The rules of goals. They share no code with decide and evolve. */
import { unfinishedGoal } from "../Thread.ts"
import { type Context, unknownEvent } from "./Context.ts"

/** Checks a turn that a goal starts, or that continues one of its turns. */
export const beginTurn = ({ data: { continues, goal: towards, turnId }, must, thread }: Context): void => {
  const { goal } = thread
  must(thread.hasActiveGoal && goal?.id === towards?.goalId, "T4 only an active goal begins turns")
  must(towards?.used.turns === (goal?.used ?? 0) + 1, "T4 each turn of a goal is counted")
  thread.goalOfTurn.set(turnId, towards?.goalId ?? "")
  if (goal === undefined) return
  goal.used++
  goal.waits = false
  if (continues !== undefined) return
  must(goal.used <= goal.turns, "T4 a goal has a budget")
  must(thread.mayStartGoalTurn, "T12 a goal starts a turn only while the thread is idle")
}

const changes = new Set(["goal.paused", "goal.resumed", "goal.waiting", "goal.met", "goal.exhausted", "goal.cleared"])

/** Checks and applies an event of the goal that is already set. */
const change = ({ data, event: { type }, must, thread }: Context): void => {
  const { goal } = thread
  must(goal?.id === data.goalId, "T1 only the thread's current goal changes")
  if (goal === undefined) return
  const may =
    type === "goal.resumed" ? ["paused"] : type === "goal.met" || type === "goal.cleared" ? ["active", "paused"] : ["active"]
  must(may.includes(goal.status), "T1 an ended goal stays ended")
  if (type === "goal.met")
    must(goal.last !== undefined && thread.claims.has(goal.last), "T11 a goal is met only if its agent claimed it")
  if (type === "goal.exhausted") must(goal.used >= goal.turns, "T4 only a used budget ends a goal")
  goal.waits = type === "goal.waiting"
  if (type !== "goal.waiting") goal.status = type === "goal.resumed" ? "active" : type.slice("goal.".length)
}

/** Checks and applies an event of the thread's goal. */
export const apply = (context: Context): void => {
  const { data, event, must, thread } = context
  if (changes.has(event.type)) return change(context)
  must(event.type === "goal.set", unknownEvent)
  must(thread.goal === undefined || !unfinishedGoal.has(thread.goal.status), "T1 one goal at a time")
  thread.goal = { id: data.goalId, turns: data.budget.turns, status: "active", used: 0, waits: false, last: undefined }
}
