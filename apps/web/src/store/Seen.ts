/**
 * Which threads this browser has shown, by the time of their last change. In localStorage, so that all tabs share it. A thread whose last turn ended later
 * is unread. Times are those of the server, in the format of the log, so they compare as text.
 */
import type { ThreadId } from "@millrace/contracts/Ids"
import type { ThreadView } from "@millrace/contracts/State"
import { useEffect, useSyncExternalStore } from "react"

interface Seen {
  /** Everything up to this time counts as seen: at first, the newest change when this browser first opened the page. */
  readonly since: string
  readonly threads: Readonly<Record<string, string>>
}

const key = "millrace.seen"
/** Maximum number of threads with a separate time. The earliest one is then added to `since`. */
const maxThreads = 500

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === "object" && value !== null

const read = (): Seen | undefined => {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(key) ?? "null")
    if (!isRecord(value) || typeof value["since"] !== "string" || !isRecord(value["threads"])) return undefined
    const times = Object.entries(value["threads"]).filter((entry): entry is [string, string] => typeof entry[1] === "string")
    return { since: value["since"], threads: Object.fromEntries(times) }
  } catch {
    // The stored text is not JSON, or the browser has no storage.
    return undefined
  }
}

let seen = read()
const listeners = new Set<() => void>()
const notify = () => {
  for (const listener of listeners) listener()
}
const put = (next: Seen) => {
  seen = next
  try {
    localStorage.setItem(key, JSON.stringify(next))
  } catch {
    // The storage is full or absent: only this tab knows.
  }
  notify()
}
window.addEventListener("storage", (event) => {
  if (event.key !== key) return
  seen = read()
  notify()
})

/** `undefined` until `start`. */
export const current = (): Seen | undefined => seen
export const subscribe = (listener: () => void) => {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

/** The time of the newest change of these threads; the empty text, which is before every time, if there are none. */
export const newest = (threads: ReadonlyArray<Pick<ThreadView, "updatedAt">>): string =>
  threads.reduce((latest, { updatedAt }) => (updatedAt > latest ? updatedAt : latest), "")

/** The time up to which the thread's changes are seen. */
export const timeOf = ({ since, threads }: Seen, threadId: ThreadId): string => {
  const at = threads[threadId] ?? since
  return at > since ? at : since
}

/** For a browser that has no marks yet: everything up to this time counts as seen. */
export const start = (since: string): void => {
  if (seen === undefined) put({ since, threads: {} })
}

/** The changes of the thread up to this time are seen. */
export const mark = (threadId: ThreadId, at: string): void => {
  if (seen === undefined || at <= timeOf(seen, threadId)) return
  const entries = Object.entries({ ...seen.threads, [threadId]: at })
  if (entries.length <= maxThreads) return put({ ...seen, threads: Object.fromEntries(entries) })
  const [[, since] = ["", seen.since], ...rest] = entries.toSorted(([, a], [, b]) => (a < b ? -1 : 1))
  put({ since: since > seen.since ? since : seen.since, threads: Object.fromEntries(rest) })
}

/** The changes of all threads up to this time are seen. */
export const markAll = (at: string): void => put({ since: at, threads: {} })

export const useMarks = (): Seen | undefined => useSyncExternalStore(subscribe, current)

/** Marks the thread while the page is visible. `all`: the threads when it is called first. */
export const useSeen = (thread: ThreadView | undefined, all: () => ReadonlyArray<ThreadView>): void => {
  const threadId = thread?.threadId
  const updatedAt = thread?.updatedAt
  useEffect(() => {
    if (threadId === undefined || updatedAt === undefined) return
    start(newest(all()))
    const look = () => {
      if (!document.hidden) mark(threadId, updatedAt)
    }
    look()
    document.addEventListener("visibilitychange", look)
    return () => document.removeEventListener("visibilitychange", look)
  }, [threadId, updatedAt, all])
}
