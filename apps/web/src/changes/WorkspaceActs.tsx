/** Commit, merge and push of a thread's work tree, and the newest of them with its result. */
import type { ThreadView } from "@millrace/contracts/State"
import type { ChangedFile, GitSummary } from "@millrace/contracts/Workspace"
import { type ReactNode, useId, useLayoutEffect, useRef, useState } from "react"
import { link } from "../store/Store.ts"
import { Action, useAction } from "../ui/Action.tsx"
import { Copy } from "../ui/Copy.tsx"
import { ago, count } from "../ui/Time.ts"
import { useNow } from "../ui/useNow.ts"
import { type Act, useLastAct } from "./Acts.ts"

const Commit = ({ hash }: { readonly hash: string }) => (
  <>
    <code title={hash}>{hash.slice(0, 8)}</code>
    <Copy text={hash} label="Copy the commit's hash" />
  </>
)

const wordsOf = (act: Act): ReactNode => {
  switch (act.type) {
    case "workspace.committed":
      return (
        <>
          Committed on <b className="path">{act.data.branch}</b>: {act.data.subject} <Commit hash={act.data.commit} />
        </>
      )
    case "workspace.merged":
      return (
        <>
          Merged <b className="path">{act.data.branch}</b> into <b className="path">{act.data.into}</b>{" "}
          <Commit hash={act.data.commit} />
        </>
      )
    case "workspace.pushed":
      return (
        <>
          Pushed <b className="path">{act.data.branch}</b> to <b className="path">{act.data.remote}</b>{" "}
          <Commit hash={act.data.commit} />
        </>
      )
    case "thread.rewound":
      if (act.data.files === undefined) return "Took the conversation back"
      if (act.data.incomplete !== undefined) return act.data.incomplete
      if (act.data.paths !== undefined) return `Discarded the changes of ${count(act.data.files, "file")}`
      return `${act.data.turnId === undefined ? "Brought back" : "Took back"} ${count(act.data.files, "file")}`
    case "workspace.proposed":
      return (
        <>
          Pull request of <b className="path">{act.data.branch}</b>:{" "}
          {/^https?:/.test(act.data.url) ? (
            <a href={act.data.url} target="_blank" rel="noreferrer noopener">
              {act.data.url}
            </a>
          ) : (
            act.data.url
          )}
        </>
      )
  }
}

/** The newest commit, merge, push or rewind that this page has received. */
export const LastAct = ({ thread }: { readonly thread: ThreadView }) => {
  const last = useLastAct(thread.threadId)
  const now = useNow()
  const checkpoint = last?.act.type === "thread.rewound" ? last.act.data.checkpoint : undefined
  return (
    <p className="last-act" role="status">
      {last !== undefined && (
        <>
          <span>{wordsOf(last.act)}</span> <time dateTime={last.at}>{ago(last.at, now)}</time>
          {checkpoint !== undefined && (
            <Action className="quiet small" run={() => link.send("thread.rewind", { threadId: thread.threadId, checkpoint })}>
              Undo
            </Action>
          )}
        </>
      )}
    </p>
  )
}

/** The file's paths from the thread's directory; none if it is outside. A rename is a removed and a new file. */
export const pathsOf = ({ oldPath, path }: ChangedFile, prefix = ""): ReadonlyArray<string> => {
  const all = oldPath === undefined ? [path] : [oldPath, path]
  return all.every((one) => one.startsWith(prefix)) ? all.map((one) => one.slice(prefix.length)) : []
}

interface FormProps {
  readonly thread: ThreadView
  /** The files to choose from; `undefined`: everything is committed. */
  readonly files: ReadonlyArray<ChangedFile> | undefined
  readonly prefix: string | undefined
  readonly isHeld: boolean
  readonly onEnd: () => void
}

const CommitForm = ({ files, isHeld, onEnd, prefix, thread }: FormProps) => {
  const [message, setMessage] = useState("")
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set())
  const action = useAction()
  const choices = (files ?? []).filter((file) => pathsOf(file, prefix).length > 0)
  const chosen = choices.filter(({ path }) => !left.has(path))
  const toggle = (path: string) => {
    const next = new Set(left)
    if (!next.delete(path)) next.add(path)
    setLeft(next)
  }
  const isReady = message.trim() !== "" && (files === undefined || chosen.length > 0) && !action.busy && !isHeld
  const commit = async () => {
    const paths = files === undefined ? {} : { paths: chosen.flatMap((file) => pathsOf(file, prefix)) }
    if (isReady && (await action.run(() => link.send("workspace.commit", { threadId: thread.threadId, message, ...paths }))))
      onEnd()
  }
  return (
    <form
      className="commit"
      aria-label="Commit"
      onSubmit={(event) => {
        event.preventDefault()
        void commit()
      }}
    >
      <label>
        Message
        <textarea
          rows={3}
          autoFocus
          value={message}
          placeholder="What changed, and why"
          onChange={({ target }) => setMessage(target.value)}
        />
      </label>
      {files !== undefined && (
        <fieldset>
          <legend>Files</legend>
          {choices.length === 0 && <p className="nothing">No file of the list below is in the thread's directory.</p>}
          {choices.map(({ path }) => (
            <label key={path}>
              <input type="checkbox" checked={!left.has(path)} onChange={() => toggle(path)} />{" "}
              <span className="path">{path}</span>
            </label>
          ))}
        </fieldset>
      )}
      {action.error !== undefined && (
        <p className="refusal" role="alert">
          {action.error}
        </p>
      )}
      <footer>
        <button type="button" className="quiet" onClick={onEnd}>
          Cancel
        </button>
        <button type="submit" className="primary" aria-disabled={!isReady}>
          {files === undefined ? "Commit all changes" : `Commit ${count(chosen.length, "file")}`}
        </button>
      </footer>
    </form>
  )
}

interface Props {
  readonly thread: ThreadView
  readonly git: GitSummary
  readonly isWorktree: boolean
  readonly files: ReadonlyArray<ChangedFile> | undefined
}

export const WorkspaceActs = ({ files, git, isWorktree, thread }: Props) => {
  const { threadId } = thread
  const [isOpen, setOpen] = useState(false)
  const action = useAction()
  const reason = useId()
  const opener = useRef<HTMLButtonElement>(null)
  const isHeld = thread.activeTurnId !== undefined
  const wasOpen = useRef(false)
  // The form closes with the focus in it.
  useLayoutEffect(() => {
    if (wasOpen.current && !isOpen) opener.current?.focus()
    wasOpen.current = isOpen
  }, [isOpen])
  const held = isHeld ? { "aria-disabled": true, "aria-describedby": reason } : {}
  const send = (type: "workspace.merge" | "workspace.push" | "workspace.propose") => {
    if (!action.busy) void action.run(() => link.send(type, { threadId }))
  }
  return (
    <div className="acts">
      <div className="tools">
        <button
          ref={opener}
          type="button"
          aria-expanded={isOpen}
          {...held}
          onClick={() => {
            if (isHeld) return
            action.clear()
            setOpen(!isOpen)
          }}
        >
          Commit…
        </button>
        {isWorktree && (
          <button
            type="button"
            title="Merge this branch into the branch of the project's directory"
            {...held}
            onClick={() => {
              if (!isHeld) send("workspace.merge")
            }}
          >
            Merge
          </button>
        )}
        {git.branch !== undefined && (
          <button type="button" title={`Push ${git.branch}`} aria-disabled={action.busy} onClick={() => send("workspace.push")}>
            Push
          </button>
        )}
        {git.branch !== undefined && (
          <button
            type="button"
            title={`Push ${git.branch}, and open a pull request with gh or glab`}
            aria-disabled={action.busy}
            onClick={() => send("workspace.propose")}
          >
            Pull request
          </button>
        )}
        {action.busy && <span className="nothing">Working…</span>}
      </div>
      {isHeld && (
        <p id={reason} className="nothing">
          A turn is running. {isWorktree ? "You can commit and merge" : "You can commit"} when it has ended.
        </p>
      )}
      {action.error !== undefined && (
        <p className="refusal" role="alert">
          {action.error}
        </p>
      )}
      {isOpen && (
        <CommitForm
          thread={thread}
          files={isWorktree ? undefined : (files ?? [])}
          prefix={git.prefix}
          isHeld={isHeld}
          onEnd={() => setOpen(false)}
        />
      )}
      <LastAct thread={thread} />
    </div>
  )
}
