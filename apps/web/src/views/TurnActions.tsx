/** Buttons at the end of a turn: a new thread that continues from here, and the prompt again in such a thread. */
import { useContext } from "react"
import type { ThreadId } from "@millrace/contracts/Ids"
import type { TurnView } from "@millrace/contracts/State"
import { link } from "../store/Store.ts"
import { Action } from "../ui/Action.tsx"
import { AskRewind } from "./AskRewind.ts"
import { changesHref, go, threadHref } from "../ui/Route.ts"

export const TurnActions = ({ turn }: { readonly turn: TurnView }) => {
  const { threadId, turnId } = turn
  const askRewind = useContext(AskRewind)
  const open = (type: "thread.fork" | "turn.retry") => async () => {
    const made = await link.send(type, { threadId, turnId })
    go(threadHref(made.threadId as ThreadId))
  }
  return (
    <>
      {turn.startedAt !== undefined && (
        <a className="button quiet" href={changesHref(threadId, turnId)} title="Files changed in this turn">
          Files changed
        </a>
      )}
      {turn.startedAt !== undefined && (
        <Action className="quiet" label="Fork here: a new thread with the conversation up to here" run={open("thread.fork")}>
          Fork here
        </Action>
      )}
      {turn.origin === "user" && turn.action === undefined && (
        <Action
          className="quiet"
          label="Retry: the same message again, in a new thread without this turn"
          run={open("turn.retry")}
        >
          Retry
        </Action>
      )}
      {turn.startedAt !== undefined && turn.endedAt !== undefined && (
        <button
          type="button"
          className="quiet"
          title="Take the files, or the conversation, back to the state before this turn"
          onClick={() => askRewind({ turnId, files: true, conversation: false })}
        >
          Take back…
        </button>
      )}
    </>
  )
}
