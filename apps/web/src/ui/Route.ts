/** The route of the page, in the fragment of its URL, so that the server serves a single page. */
import { useSyncExternalStore } from "react"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"

export type Route =
  | { readonly view: "home" | "requests" | "log" | "agents" | "sessions" | "settings" }
  /** `changes`: what it changed in its directory, over the whole thread or in one turn, instead of its transcript. */
  | { readonly view: "thread"; readonly threadId: ThreadId; readonly changes?: TurnId | "all" }

const simple = ["requests", "log", "agents", "sessions", "settings"] as const

const parse = (hash: string): Route => {
  const [, thread, changes, turn] =
    /^#\/thread\/(thr_[A-Za-z0-9_-]{1,120})(\/changes(?:\/(trn_[A-Za-z0-9_-]{1,120}))?)?$/.exec(hash) ?? []
  // The patterns are those of the ids.
  if (thread !== undefined)
    return {
      view: "thread",
      threadId: thread as ThreadId,
      ...(changes !== undefined && { changes: (turn as TurnId | undefined) ?? "all" })
    }
  const view = simple.find((name) => hash === `#/${name}`)
  return { view: view ?? "home" }
}

const subscribe = (listener: () => void) => {
  window.addEventListener("hashchange", listener)
  return () => window.removeEventListener("hashchange", listener)
}

export const useRoute = (): Route => parse(useSyncExternalStore(subscribe, () => location.hash))
export const threadHref = (threadId: ThreadId): string => `#/thread/${threadId}`
/** Of the whole thread, or of one turn. */
export const changesHref = (threadId: ThreadId, turnId?: TurnId): string =>
  `${threadHref(threadId)}/changes${turnId === undefined ? "" : `/${turnId}`}`
export const go = (href: string): void => {
  location.hash = href
}
