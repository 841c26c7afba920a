/** What needs the person, what runs, and what ended since they last looked, by project. */
import type { ItemView } from "@millrace/contracts/Item"
import type { ItemId, ThreadId } from "@millrace/contracts/Ids"
import { domainEvent } from "@millrace/contracts/EventTypes"
import type { ThreadView } from "@millrace/contracts/State"
import { cut } from "@millrace/contracts/Text"
import { Fragment, type ReactNode, type RefObject, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react"
import * as Seen from "../store/Seen.ts"
import { current } from "../store/Store.ts"
import { useStore } from "../store/useStore.ts"
import { threadHref } from "../ui/Route.ts"
import { Badge } from "../ui/Status.tsx"
import { ago, span } from "../ui/Time.ts"
import { useNow } from "../ui/useNow.ts"
import "./board.css"
import { titleOf } from "./Rail.tsx"
import { RequestCard } from "./RequestCard.tsx"
import { type Detail, keyOf, useDetails } from "./useDetails.ts"

/** Maximum number of requests, and of threads, that a section shows before "Show all". */
const maxRequests = 4
const maxThreads = 5
/** Maximum number of ended threads whose last turn is read. */
const maxEnded = 30

interface Entry {
  readonly key: string
  readonly threadId: ThreadId
  readonly shown: ReactNode
}

interface SectionProps {
  readonly name: string
  readonly className: "needs" | "running" | "ended"
  readonly entries: ReadonlyArray<Entry>
  readonly max: number
  /** The title of the project of a thread. `undefined`: all entries of the board have the same project. */
  readonly projectOf: ((threadId: ThreadId) => string) | undefined
  readonly children?: ReactNode
}

/** The entries by their project, in the order of the first entry of each. */
const grouped = (entries: ReadonlyArray<Entry>, projectOf: SectionProps["projectOf"]) => {
  const groups = new Map<string, Array<Entry>>()
  for (const entry of entries) {
    const project = projectOf?.(entry.threadId) ?? ""
    const group = groups.get(project)
    if (group === undefined) groups.set(project, [entry])
    else group.push(entry)
  }
  return [...groups]
}

const Section = ({ children, className, entries, max, name, projectOf }: SectionProps) => {
  const [all, setAll] = useState(false)
  const heading = useRef<HTMLHeadingElement>(null)
  const shown = all ? entries : entries.slice(0, max)
  if (entries.length === 0) return null
  return (
    <section className={className} aria-label={name}>
      <header>
        <h2 ref={heading} tabIndex={-1}>
          {name} <span className="count">{entries.length}</span>
        </h2>
        {children}
      </header>
      {grouped(shown, projectOf).map(([project, group]) => (
        <Fragment key={project}>
          {project !== "" && <h3>{project}</h3>}
          <ul className={className === "needs" ? undefined : "rows-of"}>
            {group.map((entry) => (
              <li key={entry.key}>{entry.shown}</li>
            ))}
          </ul>
        </Fragment>
      ))}
      {shown.length < entries.length && (
        <button
          type="button"
          className="quiet"
          onClick={() => {
            setAll(true)
            // The button leaves the page with the focus.
            heading.current?.focus()
          }}
        >
          Show all {entries.length.toLocaleString("en")}
        </button>
      )}
    </section>
  )
}

const firstLine = (text: string): string => cut(text.trim().split("\n", 1)[0] ?? "", 160)

/** What the agent does with this item, in words. */
const doing = ({ command, kind, tool }: Pick<ItemView, "kind" | "command" | "tool">): string => {
  switch (kind) {
    case "command":
      return `Runs ${firstLine(command ?? "a command")}`
    case "file-change":
      return "Changes files"
    case "reasoning":
      return "Thinks"
    case "agent-message":
      return "Writes"
    case "plan":
      return "Plans"
    case "tool-call":
      return `Uses ${tool ?? "a tool"}`
    case "web-search":
      return "Searches the web"
    default:
      return "Works"
  }
}

/** The item as it began, if this page received the event. */
const beganAs = (itemId: ItemId) => {
  const event = current().tail.findLast(
    ({ data, type }) => type === "item.started" && (data as { readonly itemId?: string }).itemId === itemId
  )
  const known = event === undefined ? undefined : domainEvent(event)
  return known?.type === "item.started" ? known.data : undefined
}

interface RowProps {
  readonly thread: ThreadView
  readonly detail: Detail | undefined
  readonly now: number
}

const Running = ({ detail, now, thread }: RowProps) => {
  const { openItemIds, status } = thread
  const itemId = openItemIds.at(-1)
  const item = useMemo(
    () => (itemId === undefined ? undefined : (beganAs(itemId) ?? (detail?.item?.itemId === itemId ? detail.item : undefined))),
    [itemId, detail]
  )
  const startedAt = detail?.turn?.startedAt
  return (
    <a href={threadHref(thread.threadId)}>
      <span className="title">{titleOf(thread)}</span>
      {status === "running" && <span className="now">{item === undefined ? "Works" : doing(item)}</span>}
      <span className="facts">
        <Badge status={status} />
        <span>{thread.provider}</span>
        {startedAt !== undefined && <span>for {span(Math.max(1_000, now - Date.parse(startedAt)))}</span>}
      </span>
    </a>
  )
}

/** How the thread's last turn ended: the reason, or the beginning of its answer. */
const resultOf = ({ item, turn }: Detail): string => {
  if (turn?.error !== undefined) return firstLine(turn.error.message)
  if (turn?.status === "interrupted") return firstLine(turn.reason ?? "")
  return item?.kind === "agent-message" ? firstLine(item.text ?? "") : ""
}

const endWords: Readonly<Record<string, string>> = { completed: "finished", interrupted: "interrupted", failed: "failed" }

const Ended = ({ detail, now, thread }: RowProps) => {
  const turn = detail?.turn
  const result = detail === undefined ? "" : resultOf(detail)
  return (
    <a href={threadHref(thread.threadId)}>
      <span className="title">{titleOf(thread)}</span>
      {result !== "" && <span className="now">{result}</span>}
      <span className="facts">
        {turn !== undefined && <span className={turn.status}>{endWords[turn.status] ?? turn.status}</span>}
        {turn?.startedAt !== undefined && turn.endedAt !== undefined && (
          <span>{span(Date.parse(turn.endedAt) - Date.parse(turn.startedAt))}</span>
        )}
        <time dateTime={turn?.endedAt ?? thread.updatedAt}>{ago(turn?.endedAt ?? thread.updatedAt, now)}</time>
      </span>
    </a>
  )
}

/** Keeps the focus in the board when the request that had it is settled and leaves the page. */
const useKeptFocus = (board: RefObject<HTMLElement | null>, requests: number) => {
  const before = useRef(requests)
  useLayoutEffect(() => {
    if (requests < before.current && document.activeElement === document.body) board.current?.focus({ preventScroll: true })
    before.current = requests
  }, [board, requests])
}

/** A thread at rest that changed after this browser last showed it. Its last turn can have ended before. */
const useChanged = (threads: ReadonlyArray<ThreadView>) => {
  const marks = Seen.useMarks()
  return useMemo(() => {
    if (marks === undefined) return []
    return threads
      .filter(
        ({ status, threadId, updatedAt }) =>
          (status === "idle" || status === "failed") && updatedAt > Seen.timeOf(marks, threadId)
      )
      .toSorted((a, b) => b.updatedAt.localeCompare(a.updatedAt))
      .slice(0, maxEnded)
  }, [threads, marks])
}

/** Marks the threads that changed without the end of a turn, for example because their idle agent was stopped. */
const useUnchanged = (changed: ReadonlyArray<ThreadView>, details: ReadonlyMap<string, Detail>) =>
  useEffect(() => {
    for (const thread of changed) {
      const detail = details.get(keyOf(thread))
      if (detail === undefined) continue
      const marks = Seen.current()
      const endedAt = detail.turn?.endedAt ?? ""
      if (marks !== undefined && endedAt <= Seen.timeOf(marks, thread.threadId)) Seen.mark(thread.threadId, thread.updatedAt)
    }
  }, [changed, details])

export const Board = () => {
  const all = useStore((state) => state.world?.threads)
  const open = useStore((state) => state.world?.requests)
  const projects = useStore((state) => state.world?.projects)
  const isOffline = useStore(({ connection: { state } }) => state !== "live" && state !== "replaying" && state !== "connecting")
  const now = useNow(10_000)
  const board = useRef<HTMLElement>(null)
  const threads = useMemo(() => Object.values(all ?? {}).filter(({ archived }) => !archived), [all])
  useLayoutEffect(() => Seen.start(Seen.newest(threads)), [threads])
  const running = useMemo(
    () =>
      threads
        .filter(({ status }) => status === "running" || status === "queued")
        .toSorted((a, b) => b.status.localeCompare(a.status) || b.updatedAt.localeCompare(a.updatedAt)),
    [threads]
  )
  const changed = useChanged(threads)
  const details = useDetails(useMemo(() => [...changed, ...running.slice(0, maxEnded)], [changed, running]))
  useUnchanged(changed, details)
  const ended = changed.filter((thread) => details.has(keyOf(thread)))
  const requests = Object.values(open ?? {}).toSorted((a, b) => a.openedAt.localeCompare(b.openedAt))
  useKeptFocus(board, requests.length)

  const titleOfProject = (threadId: ThreadId): string => {
    const thread = all?.[threadId]
    const project = thread === undefined ? undefined : projects?.[thread.projectId]
    return project?.title ?? thread?.cwd.split("/").at(-1) ?? "Other threads"
  }
  const ids = [...requests, ...running, ...ended].map(({ threadId }) => threadId)
  const projectOf = new Set(ids.map(titleOfProject)).size > 1 ? titleOfProject : undefined
  const rowOf = (Row: (props: RowProps) => ReactNode) => (thread: ThreadView) => ({
    key: thread.threadId,
    threadId: thread.threadId,
    shown: <Row thread={thread} detail={details.get(keyOf(thread))} now={now} />
  })
  return (
    <section ref={board} className="board" aria-label="Board" tabIndex={-1}>
      {isOffline && <p className="nothing">Not connected: this is what the server last reported.</p>}
      <Section
        name="Needs you"
        className="needs"
        max={maxRequests}
        projectOf={projectOf}
        entries={requests.map((request) => ({
          key: request.requestId,
          threadId: request.threadId,
          shown: <RequestCard request={request} linked />
        }))}
      />
      <Section name="Running" className="running" max={maxThreads} projectOf={projectOf} entries={running.map(rowOf(Running))} />
      <Section
        name="Ended since you looked"
        className="ended"
        max={maxThreads}
        projectOf={projectOf}
        entries={ended.map(rowOf(Ended))}
      >
        <button
          type="button"
          className="quiet small"
          onClick={() => {
            Seen.markAll(Seen.newest(threads))
            // The button leaves the page with the focus.
            board.current?.focus()
          }}
        >
          Mark all as read
        </button>
      </Section>
      {ids.length === 0 && (
        <p className="nothing" role="status">
          {changed.length === 0
            ? "Nothing needs you, nothing runs, and you have seen everything that ended."
            : isOffline
              ? "Nothing needs you, and nothing runs."
              : "Reading what ended…"}
        </p>
      )}
    </section>
  )
}
