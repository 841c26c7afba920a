/** The palette: finds threads by their title and text, and finds views. Arrow keys move, Enter opens, Escape closes. */
import type { SearchHit } from "@millrace/contracts/Search"
import { type ReactNode, useId, useMemo, useState } from "react"
import { useStore } from "../store/useStore.ts"
import { Dialog } from "../ui/Dialog.tsx"
import { show } from "../ui/Overlay.ts"
import { go, threadHref } from "../ui/Route.ts"
import { Dot } from "../ui/Status.tsx"
import { ago } from "../ui/Time.ts"
import { useNow } from "../ui/useNow.ts"
import { titleOf } from "./Rail.tsx"
import { useHits } from "./useHits.ts"

interface Entry {
  readonly key: string
  readonly group: string
  readonly href: string
  readonly shown: ReactNode
}

const views = [
  ["#/", "New thread"],
  ["#/requests", "Requests"],
  ["#/agents", "Agents"],
  ["#/sessions", "Sessions"],
  ["#/log", "Log"],
  ["#/settings", "Settings"]
] as const

/** Maximum number of threads in the list. */
const maxThreads = 8

const kinds: Readonly<Record<string, string>> = { "user-message": "You", "agent-message": "Agent", title: "Title" }

/** A snippet, in which U+2068 and U+2069 enclose each match. */
const Snippet = ({ text }: { readonly text: string }) => (
  <span className="snippet">
    {text.split(/[\u2068\u2069]/).map((part, at) => (at % 2 === 1 ? <mark key={at}>{part}</mark> : part))}
  </span>
)

const useThreads = (text: string): ReadonlyArray<Entry> => {
  const threads = useStore((state) => state.world?.threads)
  return useMemo(() => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean)
    return Object.values(threads ?? {})
      .filter((thread) => !thread.archived && words.every((word) => titleOf(thread).toLowerCase().includes(word)))
      .toSorted((a, b) => b.updatedAt.localeCompare(a.updatedAt))
      .slice(0, maxThreads)
      .map((thread) => ({
        key: thread.threadId,
        group: "Threads",
        href: threadHref(thread.threadId),
        shown: (
          <>
            <Dot status={thread.status} />
            <span className="title">{titleOf(thread)}</span>
          </>
        )
      }))
  }, [threads, text])
}

const Hit = ({ hit }: { readonly hit: SearchHit }) => {
  const thread = useStore((state) => state.world?.threads[hit.threadId])
  const now = useNow()
  return (
    <>
      <span className="where">
        <b>{thread === undefined ? hit.threadId : titleOf(thread)}</b>
        {` · ${kinds[hit.kind] ?? hit.kind.replaceAll("-", " ")} · ${ago(hit.at, now)}`}
      </span>
      <Snippet text={hit.snippet} />
    </>
  )
}

export const Palette = () => {
  const id = useId()
  const [text, setText] = useState("")
  const [place, setPlace] = useState({ text, at: 0 })
  const threads = useThreads(text)
  const hits = useHits(text)
  const wanted = text.trim().toLowerCase()
  const entries: ReadonlyArray<Entry> = [
    ...threads,
    ...(hits?.page?.hits ?? [])
      .filter(({ kind }) => kind !== "title")
      .map((hit, at) => ({
        key: `${at} ${hit.itemId ?? hit.threadId}`,
        group: "What was said",
        href: threadHref(hit.threadId),
        shown: <Hit hit={hit} />
      })),
    ...views
      .filter(([, word]) => word.toLowerCase().includes(wanted))
      .map(([href, word]) => ({ key: href, group: "Views", href, shown: word }))
  ]
  const at = place.text === text ? Math.min(place.at, entries.length - 1) : 0
  const optionId = (n: number) => `${id}-${n}`
  const move = (by: number) => {
    const next = entries.length === 0 ? 0 : (at + by + entries.length) % entries.length
    setPlace({ text, at: next })
    document.getElementById(optionId(next))?.scrollIntoView({ block: "nearest" })
  }
  const open = (entry: Entry | undefined) => {
    if (entry === undefined) return
    show(undefined)
    go(entry.href)
  }
  const keys: Readonly<Record<string, () => void>> = {
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    Enter: () => open(entries[at])
  }
  const words =
    hits?.error ??
    (wanted.length >= 2 && hits === undefined
      ? "Searching…"
      : hits?.page?.indexing !== undefined
        ? "The search index is being built: texts may be missing."
        : entries.length === 0
          ? "Nothing found."
          : "")
  return (
    <Dialog label="Search" className="palette" onClose={() => show(undefined)}>
      <input
        role="combobox"
        aria-label="Search what was said, threads and views"
        placeholder="Search what was said, threads and views"
        aria-expanded
        aria-controls={id}
        aria-activedescendant={entries.length === 0 ? undefined : optionId(at)}
        autoFocus
        maxLength={200}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          const act = event.nativeEvent.isComposing ? undefined : keys[event.key]
          if (act === undefined) return
          event.preventDefault()
          act()
        }}
      />
      <div role="listbox" id={id} aria-label="Results">
        {entries.map((entry, n) => (
          <div
            key={entry.key}
            id={optionId(n)}
            role="option"
            tabIndex={-1}
            aria-selected={n === at}
            data-group={entries[n - 1]?.group === entry.group ? undefined : entry.group}
            onMouseDown={(event) => {
              event.preventDefault()
              open(entry)
            }}
          >
            {entry.shown}
          </div>
        ))}
      </div>
      <p role="status">{words}</p>
      <form method="dialog">
        <button type="submit" className="quiet small">
          Close
        </button>
      </form>
    </Dialog>
  )
}
