/** The route of the page, in the fragment of its URL, so that the server serves a single page. */
import { useSyncExternalStore } from "react"
import type { ThreadId } from "@millrace/contracts/Ids"

export type Route =
  | { readonly view: "home" | "requests" | "log" | "agents" | "sessions" | "settings" }
  | { readonly view: "thread"; readonly threadId: ThreadId }

const simple = ["requests", "log", "agents", "sessions", "settings"] as const

const parse = (hash: string): Route => {
  const thread = /^#\/thread\/(thr_[A-Za-z0-9_-]{1,120})$/.exec(hash)
  // The pattern is that of thread ids.
  if (thread !== null) return { view: "thread", threadId: thread[1] as ThreadId }
  const view = simple.find((name) => hash === `#/${name}`)
  return { view: view ?? "home" }
}

const subscribe = (listener: () => void) => {
  window.addEventListener("hashchange", listener)
  return () => window.removeEventListener("hashchange", listener)
}

export const useRoute = (): Route => parse(useSyncExternalStore(subscribe, () => location.hash))
export const threadHref = (threadId: ThreadId): string => `#/thread/${threadId}`
export const go = (href: string): void => {
  location.hash = href
}
