/** One thread: its transcript, open requests, plan, goal, queue, and a prompt. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "react"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { ThreadView } from "@millrace/contracts/State"
import { overlap } from "@millrace/model/Directory"
import { isLive } from "@millrace/model/Thread"
import { Action, useAction } from "../ui/Action.tsx"
import { historyWords } from "../ui/History.ts"
import { Icon } from "../ui/Icon.tsx"
import { part } from "../ui/Part.tsx"
import { changesHref, threadHref } from "../ui/Route.ts"
import { Badge } from "../ui/Status.tsx"
import { useSeen } from "../store/Seen.ts"
import { current, link, openThread } from "../store/Store.ts"
import { useStore } from "../store/useStore.ts"
import { AskRewind, type Asked } from "./AskRewind.ts"
import { AgentReport } from "./AgentReport.tsx"
import { Composer } from "./Composer.tsx"
import { Goal } from "./Goal.tsx"
import { Plan } from "./Plan.tsx"
import { Queue } from "./Queue.tsx"
import { titleOf } from "./Rail.tsx"
import { RequestCard } from "./RequestCard.tsx"
import { FullAccess } from "./FullAccess.tsx"
import { ThreadSettings } from "./ThreadSettings.tsx"
import { Waiting } from "./Waiting.tsx"
import { Transcript } from "./Transcript.tsx"
import { tokens } from "./TurnEnd.tsx"

const Rewind = part(async () => (await import("../changes/Views.ts")).Rewind)
const ThreadChanges = part(async () => (await import("../changes/Views.ts")).ThreadChanges)

/** Returns the focus to the link that opened the changes, when they are closed. */
const useReturningFocus = (isOpen: boolean) => {
  const opener = useRef<Element>(null)
  useLayoutEffect(() => {
    if (isOpen) opener.current = document.activeElement
    else if (opener.current instanceof HTMLElement) opener.current.focus()
  }, [isOpen])
}

/** The thread. If the snapshot does not list it (archived, or not among the 500 most recent), it is read from the server. */
const useThread = (threadId: ThreadId): ThreadView | undefined => {
  const known = useStore((state) => state.world?.threads[threadId])
  const [other, setOther] = useState<ThreadView>()
  const missing = known === undefined
  useEffect(() => {
    if (!missing) return
    let isMounted = true
    link.call<ThreadView>({ name: "thread", threadId }).then(
      (thread) => isMounted && setOther(thread),
      () => {}
    )
    return () => {
      isMounted = false
    }
  }, [missing, threadId])
  return known ?? other
}

const listed = () => Object.values(current().world?.threads ?? {})

const Title = ({ thread }: { readonly thread: ThreadView }) => {
  const [draft, setDraft] = useState<string>()
  const save = () => {
    const title = draft?.trim() ?? ""
    setDraft(undefined)
    // A refused title is dropped: the old one is shown again.
    if (title !== "" && title !== thread.title)
      void link.send("thread.rename", { threadId: thread.threadId, title }).catch(() => {})
  }
  if (draft !== undefined)
    return (
      <input
        className="title-edit"
        aria-label="Title"
        autoFocus
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
        onBlur={save}
        onKeyDown={(event) => {
          if (event.key === "Enter") save()
          if (event.key === "Escape") setDraft(undefined)
        }}
      />
    )
  return (
    <h1>
      <button type="button" className="title" title="Rename" onClick={() => setDraft(thread.title)}>
        {titleOf(thread)}
      </button>
    </h1>
  )
}

/** Token usage of the running turn so far. */
const Usage = ({ turnId }: { readonly turnId: TurnId }) => {
  const usage = useStore((state) => state.usage.get(turnId))
  const words = tokens(usage)
  return words === undefined ? null : <span className="usage">{words}</span>
}

/** A warning before archiving a thread with a running turn or an open request. */
const archiveWarning = ({ activeTurnId, openRequestIds }: ThreadView): string | undefined => {
  if (openRequestIds.length > 0) return "A request is open: it stays open, and the turn waits for its answer."
  return activeTurnId === undefined ? undefined : "A turn is running: it continues in the archive."
}

/** Archives an idle thread at once; asks first otherwise. */
const Archive = ({ thread }: { readonly thread: ThreadView }) => {
  const [asking, setAsking] = useState(false)
  const action = useAction()
  const warning = thread.archived ? undefined : archiveWarning(thread)
  const archive = async () => {
    const type = thread.archived ? "thread.unarchive" : "thread.archive"
    if (await action.run(() => link.send(type, { threadId: thread.threadId }))) setAsking(false)
  }
  return (
    <>
      <button
        type="button"
        className="quiet icon-only"
        disabled={action.busy}
        aria-label={thread.archived ? "Unarchive" : "Archive"}
        title={thread.archived ? "Unarchive" : "Archive"}
        aria-expanded={warning === undefined ? undefined : asking}
        onClick={() => (warning === undefined ? void archive() : setAsking(!asking))}
      >
        <Icon name="archive" />
      </button>
      {action.error !== undefined && (
        <span className="refusal" role="alert">
          {action.error}
        </span>
      )}
      {asking && warning !== undefined && (
        <div className="confirm" role="alertdialog" aria-label="Archive this thread?">
          <span>{warning}</span>
          <button type="button" className="danger" disabled={action.busy} onClick={() => void archive()}>
            Archive anyway
          </button>
          <button type="button" className="quiet" autoFocus onClick={() => setAsking(false)}>
            Keep
          </button>
        </div>
      )}
    </>
  )
}

/** Shown for an agent that knows the earlier turns only as a text. The title says which part it did not get. */
const Transcribed = ({ thread: { session } }: { readonly thread: ThreadView }) =>
  session !== undefined && isLive(session) && (session.continuity === "replayed" || session.continuity === "handed-off") ? (
    <span title={session.lost}>{historyWords[session.continuity]}</span>
  ) : null

/** A link to a thread whose turn runs in the same directory, in one above it or below it. */
const SharedDirectory = ({ thread: { cwd, threadId } }: { readonly thread: ThreadView }) => {
  const other = useStore(({ world }) =>
    Object.values(world?.threads ?? {}).find(
      (one) => one.threadId !== threadId && one.activeTurnId !== undefined && overlap(one.cwd, cwd)
    )
  )
  return other === undefined ? null : (
    <a href={threadHref(other.threadId)} title={`${titleOf(other)} works in this directory too`}>
      shared directory
    </a>
  )
}

const Head = ({ isChanges, thread }: { readonly isChanges: boolean; readonly thread: ThreadView }) => (
  <header className="thread-head">
    <a className="back button quiet" href="#/" aria-label="All threads">
      <Icon name="back" />
    </a>
    <div className="what">
      <Title thread={thread} />
      <p>
        <span>{thread.provider}</span>
        {thread.model !== undefined && <span>{thread.model}</span>}
        {thread.forkedFrom !== undefined && (
          <a href={threadHref(thread.forkedFrom)} title="Open the thread that this one is a fork of">
            fork
          </a>
        )}
        <FullAccess thread={thread} />
        <AgentReport thread={thread} />
        <span className="path" title={thread.cwd}>
          {thread.cwd}
        </span>
        <SharedDirectory thread={thread} />
        <Transcribed thread={thread} />
        {thread.activeTurnId !== undefined && <Usage turnId={thread.activeTurnId} />}
      </p>
    </div>
    <Badge status={thread.status} />
    <div className="tools">
      <a
        className="button quiet"
        href={isChanges ? threadHref(thread.threadId) : changesHref(thread.threadId)}
        aria-label={isChanges ? "Conversation" : "Changes"}
        title={isChanges ? "Back to the conversation" : "What changed in the files"}
      >
        <Icon name={isChanges ? "threads" : "file"} />
        <span>{isChanges ? "Conversation" : "Changes"}</span>
      </a>
      {isLive(thread.session) && thread.status === "idle" && (
        <Action
          label="Stop the session"
          className="quiet icon-only"
          run={() => link.send("session.stop", { threadId: thread.threadId })}
        >
          <Icon name="stop" />
        </Action>
      )}
      <Archive thread={thread} />
    </div>
    {thread.status === "running" && <i className="race" aria-hidden="true" />}
  </header>
)

export const Thread = (props: { readonly threadId: ThreadId; readonly changes: TurnId | "all" | undefined }) => {
  const { changes, threadId } = props
  const isChanges = changes !== undefined
  const [rewinding, setRewinding] = useState<Asked>()
  useReturningFocus(isChanges)
  const thread = useThread(threadId)
  useSeen(thread, listed)
  const opened = useStore((state) => state.threads.get(threadId))
  const requests = useStore((state) => state.world?.requests)
  const isNotOpen = opened === undefined
  useEffect(() => {
    if (isNotOpen) void openThread(threadId)
  }, [threadId, isNotOpen])
  const ownRequests = useMemo(
    () => Object.values(requests ?? {}).filter((request) => request.threadId === threadId),
    [requests, threadId]
  )
  if (thread === undefined)
    return (
      <div className="page">
        <h1>No such thread</h1>
        <p>
          It was deleted or never existed. <a href="#/">All threads</a>
        </p>
      </div>
    )
  return (
    <AskRewind.Provider value={setRewinding}>
      <div className="thread">
        <Head thread={thread} isChanges={isChanges} />
        {/* Stays in the document, so that its place and an unsent prompt are there when the changes are closed. */}
        <div className="conversation" inert={isChanges}>
          {opened === undefined || opened.state === "loading" ? (
            <div className="rows loading" role="status">
              <span className="water" aria-hidden="true" />
              <p>Reading the thread…</p>
            </div>
          ) : opened.state === "failed" ? (
            <div className="rows loading" role="alert">
              <p>{opened.message}</p>
              <button type="button" onClick={() => void openThread(threadId)}>
                Try again
              </button>
            </div>
          ) : (
            <Transcript thread={thread} opened={opened} />
          )}
          <div className="dock">
            {ownRequests.map((request) => (
              <RequestCard key={request.requestId} request={request} />
            ))}
            <Plan threadId={threadId} />
            <Goal thread={thread} />
            <Queue thread={thread} opened={opened?.state === "ready" ? opened : undefined} />
            <Waiting threadId={threadId} />
            {thread.archived ? (
              <p className="nothing">This thread is archived. Unarchive it to continue.</p>
            ) : (
              <>
                <ThreadSettings thread={thread} />
                <Composer thread={thread} />
              </>
            )}
          </div>
        </div>
        {isChanges && <ThreadChanges thread={thread} turnId={changes === "all" ? undefined : changes} />}
        {rewinding !== undefined && <Rewind thread={thread} asked={rewinding} onClose={() => setRewinding(undefined)} />}
      </div>
    </AskRewind.Provider>
  )
}
