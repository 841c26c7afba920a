/** Takes a turn or a file back: shows which files would change, then changes them, and offers the way back. */
import type { Accepted } from "@millrace/contracts/Command"
import type { ThreadId } from "@millrace/contracts/Ids"
import type { ThreadView } from "@millrace/contracts/State"
import type { RewindPreview, RewindRequest } from "@millrace/contracts/Workspace"
import { useEffect, useId, useRef, useState } from "react"
import { post } from "../store/Http.ts"
import { link } from "../store/Store.ts"
import { Dialog } from "../ui/Dialog.tsx"
import { threadHref } from "../ui/Route.ts"
import { count } from "../ui/Time.ts"
import type { Asked, AskedTurn } from "../views/AskRewind.ts"
import "./changes.css"

/** Maximum number of files in the list. */
const maxFiles = 500

type Files = RewindPreview["files"]
const groups: ReadonlyArray<readonly [change: Files[number]["change"], words: string]> = [
  ["restore", "Get their earlier content"],
  ["create", "Come back"],
  ["delete", "Are deleted"]
]

const FileList = ({ files }: { readonly files: Files }) => {
  const shown = files.slice(0, maxFiles)
  return (
    <>
      {groups.map(([change, words]) => {
        const own = shown.filter((file) => file.change === change)
        return own.length === 0 ? null : (
          <section key={change}>
            <h3>{words}</h3>
            <ul aria-label={words}>
              {own.map(({ changedSince, path }) => (
                <li key={path}>
                  <span className="path">{path}</span>
                  {changedSince && <b className="since">changed since by someone else</b>}
                </li>
              ))}
            </ul>
          </section>
        )
      })}
      {shown.length < files.length && <p>And {count(files.length - shown.length, "more file")}.</p>}
    </>
  )
}

const Left = ({ left }: Pick<RewindPreview, "left">) =>
  left === undefined || left.length === 0 ? null : (
    <details>
      <summary>{count(left.length, "file stays", "files stay")} as now</summary>
      <ul>
        {left.map(({ path, reason }) => (
          <li key={path}>
            <span className="path">{path}</span> <span className="why">{reason}</span>
          </li>
        ))}
      </ul>
    </details>
  )

/** The way back from an earlier rewind, by its checkpoint. */
type Back = Extract<RewindRequest, { readonly checkpoint: string }>
type Goal = Asked | Back

type State =
  | { readonly name: "reading" }
  /** `isNew`: the files changed after the person saw an earlier list. */
  | { readonly name: "shown"; readonly preview: RewindPreview; readonly isNew: boolean }
  | { readonly name: "failed"; readonly message: string }
  | { readonly name: "done"; readonly result: Accepted }

const words = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))
/** The server's refusal of a list that is no longer true. */
const isStale = (cause: unknown) => cause instanceof Error && "rule" in cause && cause.rule === "WorkspaceChanged"
const isTurn = (goal: Goal): goal is AskedTurn => "conversation" in goal
const changesNothing = (goal: Goal): boolean => isTurn(goal) && !goal.files && !goal.conversation

/** Without `expected`, the server refuses to replace what others have changed. */
const send = (threadId: ThreadId, goal: Goal, expected: string | undefined) => {
  const known = expected === undefined ? {} : { expected }
  return "paths" in goal
    ? link.send("workspace.discard", { threadId, ...goal, ...known })
    : link.send("thread.rewind", { threadId, ...goal, ...known })
}

const useRewind = ({ threadId }: ThreadView, asked: Asked) => {
  const [goal, setGoal] = useState<Goal>(asked)
  const [state, setState] = useState<State>({ name: "reading" })
  const [busy, setBusy] = useState(false)
  /** Identifies the newest preview: the answer of an older one is dropped. */
  const newest = useRef<Goal>(undefined)
  const preview = async (next: Goal, isNew = false) => {
    newest.current = next
    setGoal(next)
    setState({ name: "reading" })
    const set = (found: State) => newest.current === next && setState(found)
    if (changesNothing(next)) return
    try {
      set({ name: "shown", preview: await post<RewindPreview>(`/api/threads/${threadId}/rewind/preview`, next), isNew })
    } catch (cause) {
      set({ name: "failed", message: words(cause) })
    }
  }
  useEffect(() => {
    void preview(asked)
    return () => {
      newest.current = undefined
    }
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- once: the dialog is for one question
  }, [])
  const rewind = async (what: Goal, expected?: string) => {
    if (busy) return
    setBusy(true)
    try {
      const result = await send(threadId, what, expected)
      setGoal(what)
      setState({ name: "done", result })
    } catch (cause) {
      if (isStale(cause)) await preview(what, true)
      else setState({ name: "failed", message: words(cause) })
    }
    setBusy(false)
  }
  return { busy, goal, preview, rewind, state }
}

const Choice = ({ goal, onChoose }: { readonly goal: AskedTurn; readonly onChoose: (goal: Goal) => void }) => (
  <fieldset>
    <legend>Take back</legend>
    <label>
      <input type="checkbox" checked={goal.files} onChange={() => onChoose({ ...goal, files: !goal.files })} /> the files
    </label>
    <label>
      <input
        type="checkbox"
        checked={goal.conversation}
        onChange={() => onChoose({ ...goal, conversation: !goal.conversation })}
      />{" "}
      the conversation, in a new thread that ends before this turn
    </label>
  </fieldset>
)

const Preview = ({ isNew, preview }: { readonly isNew: boolean; readonly preview: RewindPreview }) => (
  <>
    {isNew && (
      <p className="fix" role="alert">
        The files have changed since the last list, so nothing was done. This is the new list.
      </p>
    )}
    {preview.late === true && (
      <p className="cut">An agent may have written before the files were stored, so some of its changes may stay.</p>
    )}
    <FileList files={preview.files} />
    <Left left={preview.left} />
  </>
)

const buttonOf = (goal: Goal, state: State): string => {
  if ("paths" in goal) return "Discard the changes"
  if (state.name !== "shown") return "Take back"
  const files = count(state.preview.files.length, "file")
  if (!isTurn(goal)) return `Bring back ${files}`
  const parts = [goal.files && files, goal.conversation && "the conversation"].filter((part) => part !== false)
  return `Take back ${parts.join(" and ")}`
}

const doneWords = (goal: Goal): string => {
  if ("checkpoint" in goal) return "The files are as they were before they were taken back."
  if ("paths" in goal)
    return goal.turnId === undefined ? "The file is as it was before this thread." : "The file is as it was before this turn."
  return goal.files ? "The files are as they were before this turn." : "A new thread continues before this turn."
}

const Done = ({ goal, result }: { readonly goal: Goal; readonly result: Accepted }) => (
  <p role="status">
    {doneWords(goal)}
    {isTurn(goal) && goal.conversation && result.threadId !== undefined && (
      <>
        {" "}
        <a href={threadHref(result.threadId)}>Open the new thread</a>
      </>
    )}
  </p>
)

const aimOf = (asked: Asked): string => {
  if (isTurn(asked))
    return "The files go back to how they were before this turn, and so does what later turns of this thread changed."
  return `The file goes back to how it was before ${asked.turnId === undefined ? "this thread" : "this turn"}. Other files stay.`
}

export const Rewind = (props: { readonly thread: ThreadView; readonly asked: Asked; readonly onClose: () => void }) => {
  const { asked, onClose, thread } = props
  const { busy, goal, preview, rewind, state } = useRewind(thread, asked)
  const reason = useId()
  const close = useRef<HTMLButtonElement>(null)
  // The button that was pressed leaves the dialog.
  useEffect(() => {
    if (state.name === "done") close.current?.focus()
  }, [state])
  const title = isTurn(asked) ? "Take back this turn" : "Discard the changes of a file"
  const isDone = state.name === "done"
  const isRunning = thread.activeTurnId !== undefined
  const nothing = state.name === "shown" && state.preview.files.length === 0 && !(isTurn(goal) && goal.conversation)
  const isReady = state.name === "shown" && !nothing && !isRunning && !busy
  const way = isDone && !("checkpoint" in goal) ? state.result.checkpoint : undefined
  return (
    <Dialog label={title} className="rewind" onClose={onClose}>
      <h2>{title}</h2>
      {!isDone && !("checkpoint" in goal) && <p>{aimOf(asked)}</p>}
      {!isDone && isTurn(goal) && <Choice goal={goal} onChoose={(next) => void preview(next)} />}
      {state.name === "reading" && !changesNothing(goal) && <p role="status">Comparing the files…</p>}
      {changesNothing(goal) && <p className="nothing">Choose what to take back.</p>}
      {state.name === "failed" && (
        <p className="refusal" role="alert">
          {state.message}
        </p>
      )}
      {state.name === "shown" && <Preview preview={state.preview} isNew={state.isNew} />}
      {nothing && <p className="nothing">No file would change.</p>}
      {isDone && <Done goal={goal} result={state.result} />}
      {isRunning && !isDone && (
        <p id={reason} className="fix">
          A turn is running. Nothing can be taken back until it has ended.
        </p>
      )}
      <footer>
        {way !== undefined && (
          <button type="button" aria-disabled={busy} onClick={() => void rewind({ checkpoint: way })}>
            {isTurn(asked) ? "Bring the files back" : "Bring the file back"}
          </button>
        )}
        <button type="button" className={isDone ? "primary" : "quiet"} onClick={onClose} ref={close}>
          {isDone ? "Close" : "Cancel"}
        </button>
        {!isDone && (
          <button
            type="button"
            className="primary"
            aria-disabled={!isReady}
            aria-describedby={isRunning ? reason : undefined}
            onClick={() => isReady && void rewind(goal, state.preview.expected)}
          >
            {buttonOf(goal, state)}
          </button>
        )}
      </footer>
    </Dialog>
  )
}
