/**
 * React hooks over a `LiveState`. A component draws again only when the part that it reads has changed.
 *
 * ```tsx
 * const live = await connect({ url, token })
 * root.render(<MillraceProvider live={live}><Threads /></MillraceProvider>)
 *
 * const Threads = () => useThreads().map((thread) => <p key={thread.threadId}>{thread.title}: {thread.status}</p>)
 * ```
 */
import type { Accepted, BodyOf, CommandType } from "@millrace/contracts/Command"
import type { ThreadId } from "@millrace/contracts/Ids"
import type { RequestView } from "@millrace/contracts/Item"
import type { TurnView } from "@millrace/contracts/State"
import type { AppState } from "@millrace/model/AppState"
import type { Thread } from "@millrace/model/Thread"
import * as Transcript from "@millrace/model/Transcript"
import { createContext, createElement, type ReactNode, useContext, useEffect, useMemo, useSyncExternalStore } from "react"
import type { Connection, LiveState, State } from "./LiveState.ts"

const Context = createContext<LiveState | undefined>(undefined)

/** Gives the hooks below it this state. Close the state when the program ends; unmounting does not. */
export const MillraceProvider = ({ children, live }: { readonly children?: ReactNode; readonly live: LiveState }) =>
  createElement(Context.Provider, { value: live }, children)

/** The state of the provider, with its client. Throws outside a `MillraceProvider`. */
export const useLiveState = (): LiveState => {
  const live = useContext(Context)
  if (live === undefined) throw new Error("Put the component into a <MillraceProvider live={...}>.")
  return live
}

/** A part of the state. `part` must return the same value while nothing changed, so it must read a value and not build one. */
const usePart = <A>(part: (state: State) => A): A => {
  const live = useLiveState()
  const read = () => part(live.current())
  return useSyncExternalStore(live.subscribe, read, read)
}

export const useConnection = (): Connection => usePart(({ connection }) => connection)

const none: AppState["threads"] = {}
/** The threads that are not archived, newest activity first. Empty until the first snapshot. */
export const useThreads = (): ReadonlyArray<Thread> => {
  const threads = usePart(({ app }) => app?.threads ?? none)
  return useMemo(() => Object.values(threads).toSorted((a, b) => (a.updatedAt < b.updatedAt ? 1 : -1)), [threads])
}

const noRequests: AppState["requests"] = {}
/** The open requests, oldest first: of one thread, or of all. */
export const useRequests = (threadId?: ThreadId): ReadonlyArray<RequestView> => {
  const requests = usePart(({ app }) => app?.requests ?? noRequests)
  return useMemo(() => {
    const all = Object.values(requests)
    return threadId === undefined ? all : all.filter((request) => request.threadId === threadId)
  }, [requests, threadId])
}

/** `thread`: `undefined` when it is archived or unknown. `rows` and `turns` are empty until `state` is `ready`. */
export interface OpenThread {
  readonly thread: Thread | undefined
  readonly state: "loading" | "ready" | "failed"
  /** Why the transcript could not be loaded. The next connection, or `retry`, tries again. */
  readonly message?: string
  readonly retry?: () => Promise<void>
  /** Items, settled requests and ends of turns, oldest first. */
  readonly rows: ReadonlyArray<Transcript.Row>
  /** The loaded turns, oldest first. */
  readonly turns: ReadonlyArray<TurnView>
  /** Loads older rows; `undefined` when all are loaded or a load is running. */
  readonly loadOlder: (() => Promise<void>) | undefined
}

/** A thread with its transcript, which stays open while the component is mounted. */
export const useThread = (threadId: ThreadId): OpenThread => {
  const live = useLiveState()
  useEffect(() => live.retainThread(threadId), [live, threadId])
  const thread = usePart(({ app }) => app?.threads[threadId])
  const settled = usePart(({ app }) => app?.settled)
  const opened = usePart(({ threads }) => threads.get(threadId))
  return useMemo(() => {
    if (opened?.state !== "ready") {
      const why = opened?.state === "failed" ? { message: opened.message, retry: () => live.retryThread(threadId) } : {}
      return { thread, state: opened?.state ?? "loading", ...why, rows: [], turns: [], loadOlder: undefined }
    }
    const { loadingOlder, transcript } = opened
    return {
      thread,
      state: "ready",
      rows: Transcript.rows(transcript, settled),
      turns: transcript.turnOrder.flatMap((turnId) => transcript.turns.get(turnId)?.value ?? []),
      loadOlder: loadingOlder || transcript.before === undefined ? undefined : () => live.loadOlder(threadId)
    }
  }, [live, opened, settled, thread, threadId])
}

/**
 * Sends a command with a new id, and sends it again with the same id after a lost answer, so it runs at most once. Resolves when the command is committed.
 * Rejects with the typed error of a rejection.
 */
export const useDispatch = (): (<T extends CommandType>(type: T, body: BodyOf<T>) => Promise<Accepted>) => {
  const { client } = useLiveState()
  return useMemo(() => (type, body) => client.command(type, body), [client])
}
