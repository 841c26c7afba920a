/** The agent's plan for the newest turn: a checklist that is updated while the turn runs. */
import type { ThreadId } from "@millrace/contracts/Ids"
import type { PlanStep } from "@millrace/contracts/Item"
import type { State } from "../store/Store.ts"
import { useStore } from "../store/useStore.ts"
import { Steps } from "./Item.tsx"

/** The plan of the newest turn that has started. */
const planOf = (state: State, threadId: ThreadId): ReadonlyArray<PlanStep> | undefined => {
  const opened = state.threads.get(threadId)
  if (opened?.state !== "ready") return undefined
  const { turnOrder, turns } = opened.transcript
  const newest = turnOrder.findLast((turnId) => turns.get(turnId)?.value.status !== "queued")
  return newest === undefined ? undefined : turns.get(newest)?.value.plan
}

export const Plan = ({ threadId }: { readonly threadId: ThreadId }) => {
  const plan = useStore((state) => planOf(state, threadId))
  if (plan === undefined || plan.length === 0) return null
  const done = plan.filter(({ status }) => status === "completed").length
  const current = plan.find(({ status }) => status === "in-progress")
  return (
    <details className="plan-now">
      <summary>
        <b>Plan</b>
        <span className="count">
          {done} of {plan.length}
        </span>
        {current !== undefined && <span className="current">{current.text}</span>}
      </summary>
      <Steps steps={plan} />
    </details>
  )
}
