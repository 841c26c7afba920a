/** Threads by project with their status, search, links to the other views, and the connection. */
import { useDeferredValue, useMemo, useState } from "react"
import type { ThreadStatus } from "@millrace/contracts/State"
import { Dot } from "../ui/Status.tsx"
import { Icon, type IconName } from "../ui/Icon.tsx"
import { show } from "../ui/Overlay.ts"
import { threadHref, useRoute } from "../ui/Route.ts"
import { apply, theme, type Theme } from "../ui/Theme.ts"
import { ago } from "../ui/Time.ts"
import { useNow } from "../ui/useNow.ts"
import { useStore } from "../store/useStore.ts"
import { FullAccess } from "./FullAccess.tsx"
import type { AppState } from "@millrace/model/AppState"
import type { Thread } from "@millrace/model/Thread"

const urgency: Readonly<Record<ThreadStatus, number>> = { "needs-you": 0, running: 1, queued: 2, failed: 3, idle: 3 }
/** Threads that need a person come first; then the most recent. */
const order = (a: Thread, b: Thread) => urgency[a.status] - urgency[b.status] || b.updatedAt.localeCompare(a.updatedAt)

export const titleOf = (thread: Pick<Thread, "title" | "threadId">): string =>
  thread.title === "" ? thread.threadId : thread.title

const groups = (all: AppState["threads"], projects: AppState["projects"], wanted: string, archived: boolean) => {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean)
  const fits = (thread: Thread) => {
    const text = `${thread.title} ${thread.provider} ${thread.cwd} ${thread.status} ${thread.threadId}`.toLowerCase()
    return thread.archived === archived && words.every((word) => text.includes(word))
  }
  const byProject = new Map<string, Array<Thread>>()
  for (const thread of Object.values(all))
    if (fits(thread)) byProject.set(thread.projectId, [...(byProject.get(thread.projectId) ?? []), thread])
  return [...byProject]
    .map(([projectId, threads]) => ({
      project: projects[projectId as Thread["projectId"]],
      threads: threads.toSorted(order),
      projectId
    }))
    .toSorted((a, b) => order(a.threads[0] as Thread, b.threads[0] as Thread))
}

const nav: ReadonlyArray<{ readonly view: "requests" | "log" | "agents" | "sessions" | "settings"; readonly word: string }> = [
  { view: "requests", word: "Requests" },
  { view: "log", word: "Log" },
  { view: "agents", word: "Agents" },
  { view: "sessions", word: "Sessions" },
  { view: "settings", word: "Settings" }
]

const connectionWords: Readonly<Record<string, string>> = {
  connecting: "connecting",
  replaying: "catching up",
  live: "live",
  reconnecting: "reconnecting",
  draining: "server shutting down",
  failed: "stopped"
}

const nextTheme: Readonly<Record<Theme, Theme>> = { system: "light", light: "dark", dark: "system" }

const Foot = () => {
  const connection = useStore((state) => state.connection.state)
  const offset = useStore((state) => state.world?.offset ?? 0)
  const [shown, setShown] = useState(theme)
  const changeTheme = () => {
    apply(nextTheme[shown])
    setShown(nextTheme[shown])
  }
  return (
    <footer className="foot">
      <span className={`connection ${connection}`} role="status">
        <i aria-hidden="true" /> {connectionWords[connection]}
      </span>
      <span className="offset" title="Offset in the log">
        {offset.toLocaleString("en")}
      </span>
      <button
        type="button"
        className="quiet"
        onClick={changeTheme}
        aria-label={`Colours: ${shown}. Change`}
        title={`Colours: ${shown}`}
      >
        <Icon name="theme" />
        {shown}
      </button>
    </footer>
  )
}

export const Rail = () => {
  const route = useRoute()
  const world = useStore((state) => state.world)
  const [search, setSearch] = useState("")
  const wanted = useDeferredValue(search)
  const [archived, setArchived] = useState(false)
  const threads = world?.threads
  const projects = world?.projects
  // The world changes with every delta, its threads do not.
  const found = useMemo(
    () => (threads === undefined || projects === undefined ? [] : groups(threads, projects, wanted, archived)),
    [threads, projects, wanted, archived]
  )
  const now = useNow()
  const waiting = Object.keys(world?.requests ?? {}).length
  return (
    <aside className="rail">
      <header className="brand">
        <a href="#/" aria-label="Millrace: threads">
          <svg viewBox="0 0 32 20" aria-hidden="true">
            <path d="M1 4c5 0 5 4 10 4s5-4 10-4 5 4 10 4M1 12c5 0 5 4 10 4s5-4 10-4 5 4 10 4" />
          </svg>
          Millrace
        </a>
        <a className="button new" href="#/" aria-label="New thread" title="New thread">
          <Icon name="plus" />
        </a>
      </header>
      <nav className="views" aria-label="Views">
        {nav.map(({ view, word }) => (
          <a key={view} href={`#/${view}`} aria-current={route.view === view ? "page" : undefined}>
            <Icon name={view satisfies IconName} />
            <span>{word}</span>
            {view === "requests" && waiting > 0 && <b className="count">{waiting}</b>}
          </a>
        ))}
      </nav>
      <label className="search">
        <Icon name="search" />
        <input
          type="search"
          placeholder="Search threads"
          aria-label="Search threads"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
      </label>
      <button type="button" className="quiet small find" onClick={() => show("palette")}>
        Search what was said <kbd>Ctrl K</kbd>
      </button>
      <nav className="threads" aria-label="Threads">
        {found.map(({ project, projectId, threads }) => (
          <section key={projectId}>
            <h2 title={project?.cwd ?? threads[0]?.cwd}>{project?.title ?? threads[0]?.cwd.split("/").at(-1)}</h2>
            <ul>
              {threads.map((thread) => (
                <li key={thread.threadId}>
                  <a
                    href={threadHref(thread.threadId)}
                    aria-current={route.view === "thread" && route.threadId === thread.threadId ? "page" : undefined}
                  >
                    <Dot status={thread.status} />
                    <span className="title">{titleOf(thread)}</span>
                    <FullAccess thread={thread} />
                    <time dateTime={thread.updatedAt}>{ago(thread.updatedAt, now)}</time>
                  </a>
                </li>
              ))}
            </ul>
          </section>
        ))}
        {world !== undefined && found.length === 0 && (
          <p className="nothing">
            {search === "" ? (archived ? "No archived threads." : "No threads yet.") : "No thread matches."}
          </p>
        )}
        <button type="button" className="quiet small" aria-pressed={archived} onClick={() => setArchived(!archived)}>
          {archived ? "Show current threads" : "Show archived"}
        </button>
        {world?.more === true && <p className="nothing">Only the 500 most recent threads are listed and searched here.</p>}
      </nav>
      <Foot />
    </aside>
  )
}
