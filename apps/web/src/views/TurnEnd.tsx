/** How a turn ended: duration, tokens, an error or a reason if there is one. */
import { memo } from "react"
import type { Usage } from "@millrace/contracts/Item"
import type { TurnView } from "@millrace/contracts/State"
import { span } from "../ui/Time.ts"
import { DiffTable } from "./Diff.tsx"
import { TurnActions } from "./TurnActions.tsx"

export const tokens = (usage: Usage | undefined): string | undefined => {
  if (usage === undefined) return undefined
  const parts = [
    usage.inputTokens !== undefined && `${usage.inputTokens.toLocaleString("en")} in`,
    usage.cachedInputTokens !== undefined &&
      usage.cachedInputTokens > 0 &&
      `${usage.cachedInputTokens.toLocaleString("en")} cached`,
    usage.outputTokens !== undefined && `${usage.outputTokens.toLocaleString("en")} out`,
    usage.reasoningTokens !== undefined && usage.reasoningTokens > 0 && `${usage.reasoningTokens.toLocaleString("en")} reasoning`
  ].filter((part) => part !== false)
  return parts.length === 0 ? undefined : `${parts.join(", ")} tokens`
}

export const TurnEnd = memo(({ turn }: { readonly turn: TurnView }) => {
  const duration =
    turn.startedAt === undefined || turn.endedAt === undefined
      ? undefined
      : span(Date.parse(turn.endedAt) - Date.parse(turn.startedAt))
  const word = turn.status === "completed" ? undefined : turn.status
  return (
    <footer className={`turn-end ${turn.status}`} data-turn={turn.turnId}>
      <p>
        {word !== undefined && <b>{word}</b>}
        {turn.error !== undefined && <span className="why">{turn.error.message}</span>}
        {turn.error === undefined && turn.reason !== undefined && <span className="why">{turn.reason}</span>}
        {duration !== undefined && <span>{duration}</span>}
        {tokens(turn.usage) !== undefined && <span>{tokens(turn.usage)}</span>}
        <TurnActions turn={turn} />
      </p>
      {turn.error?.detail !== undefined && (
        <details>
          <summary>Details</summary>
          <pre className="code" tabIndex={0}>
            {turn.error.detail}
          </pre>
        </details>
      )}
      {turn.diff !== undefined && turn.diff !== "" && (
        <details>
          <summary>Changes of this turn</summary>
          <DiffTable diff={turn.diff} />
        </details>
      )}
    </footer>
  )
})
