/** The thread's goal: its status, its budget, and buttons to pause, resume or remove it. */
import type { Goal as GoalView, ThreadView } from "@millrace/contracts/State"
import { Action } from "../ui/Action.tsx"
import { count, span } from "../ui/Time.ts"
import { link } from "../store/Store.ts"

const words: Readonly<Record<GoalView["status"], string>> = {
  active: "Goal",
  paused: "Goal, paused",
  met: "Goal met",
  exhausted: "Goal ended: budget used",
  cleared: "Goal removed"
}

const spent = ({ budget, used }: GoalView): string =>
  [
    `${used.turns} of ${count(budget.turns, "turn")}`,
    used.tokens > 0 || budget.tokens !== undefined
      ? `${used.tokens.toLocaleString("en")}${budget.tokens === undefined ? "" : ` of ${budget.tokens.toLocaleString("en")}`} tokens`
      : "",
    budget.minutes === undefined ? "" : `${span(used.millis)} of ${budget.minutes} min`
  ]
    .filter((part) => part !== "")
    .join(" · ")

export const Goal = ({ thread: { goal, threadId } }: { readonly thread: ThreadView }) => {
  if (goal === undefined || goal.status === "cleared") return null
  return (
    <section className={`goal ${goal.status}`} aria-label="Goal">
      <header>
        <b>{words[goal.status]}</b>
        <span>{spent(goal)}</span>
        {goal.nextAt !== undefined && <span>next turn at {new Date(goal.nextAt).toLocaleTimeString()}</span>}
        <span className="tools">
          {goal.status === "active" && <Action run={() => link.send("goal.pause", { threadId })}>Pause</Action>}
          {goal.status === "paused" && <Action run={() => link.send("goal.resume", { threadId })}>Resume</Action>}
          {(goal.status === "active" || goal.status === "paused") && (
            <Action run={() => link.send("goal.clear", { threadId })}>Remove</Action>
          )}
        </span>
      </header>
      <p data-text>{goal.objective}</p>
      {goal.reason !== undefined && <p className="why">{goal.reason}</p>}
    </section>
  )
}
