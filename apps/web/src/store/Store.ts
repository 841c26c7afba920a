/**
 * A tab's state: the world, the open transcripts, the connection. A single value, folded from the messages of the hub.
 * Views read it with `useStore` and change it only by commands. Listeners are called once per animation frame.
 */
import { BoundedMap } from "@millrace/contracts/BoundedMap"
import type { LogEvent } from "@millrace/contracts/Event"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { ItemView, Usage } from "@millrace/contracts/Item"
import type { PageOf } from "@millrace/contracts/Millrace"
import type { ProviderStatus, TurnView } from "@millrace/contracts/State"
import * as Link from "../hub/Link.ts"
import type { Connection, Notice, ToTab } from "../hub/Wire.ts"
import * as Transcript from "@millrace/model/Transcript"
import * as Waiting from "./Waiting.ts"
import * as AppState from "@millrace/model/AppState"

/** Maximum number of open transcripts; the least recently opened one is evicted first. */
const maxTranscripts = 6
const pageSize = 100
/** Page size for older items: a person who scrolls back usually continues, so pages are larger. */
const olderPageSize = 400
/** Maximum number of events in `tail`. */
const maxTail = 2_000
/** Maximum number of turns in `usage`; the oldest entry is evicted first. */
const maxUsage = 50

/** A transcript that is loading, failed to load, or is ready. */
type Opened = { readonly state: "loading" } | { readonly state: "failed"; readonly message: string } | Ready
interface Ready {
  readonly state: "ready"
  readonly transcript: Transcript.Transcript
  readonly loadingOlder: boolean
}

export interface State {
  readonly world: AppState.AppState | undefined
  readonly connection: Connection
  readonly notice: Notice | undefined
  readonly threads: ReadonlyMap<ThreadId, Opened>
  readonly providers: ReadonlyArray<ProviderStatus> | undefined
  /** Token usage of running turns so far; the transcript has that of ended turns. */
  readonly usage: ReadonlyMap<TurnId, Usage>
  /** The newest received events for the view of the log, each once, newest last. */
  readonly tail: ReadonlyArray<LogEvent>
  /** Counts every change. */
  readonly version: number
}

let state: State = {
  world: undefined,
  connection: { state: "connecting" },
  notice: undefined,
  threads: new Map(),
  providers: undefined,
  usage: new Map(),
  tail: [],
  version: 0
}
const listeners = new Set<() => void>()
/** Events of threads whose pages are being loaded. */
const early = new Map<ThreadId, Array<LogEvent>>()
let told = false

const tell = () => {
  told = false
  for (const listener of listeners) listener()
}
const set = (change: Partial<State>) => {
  state = { ...state, ...change, version: state.version + 1 }
  if (told) return
  told = true
  // A hidden page has no animation frames, but its title and tests still need updates.
  if (document.hidden) setTimeout(tell, 50)
  else requestAnimationFrame(tell)
}

const setThread = (threadId: ThreadId, opened: Opened | undefined) => {
  const threads = new BoundedMap(maxTranscripts, state.threads)
  if (opened === undefined) threads.delete(threadId)
  else threads.renew(threadId, opened)
  set({ threads })
}

const take = (events: ReadonlyArray<LogEvent>) => {
  if (state.world === undefined) return
  const fresh = events.filter((event) => event.offset > (state.world?.offset ?? 0))
  for (const event of fresh) {
    const threadId = event.stream.startsWith("thread/") ? (event.stream.slice("thread/".length) as ThreadId) : undefined
    if (threadId === undefined) continue
    early.get(threadId)?.push(event)
    const opened = state.threads.get(threadId)
    if (opened?.state === "ready") Transcript.apply(opened.transcript, event)
  }
  set({ world: AppState.applyAll(state.world, fresh), tail: [...state.tail, ...fresh].slice(-maxTail) })
}

const hear = (message: ToTab) => {
  switch (message.tag) {
    case "world": {
      const open = [...state.threads.keys()]
      // A different starting point: there may be a gap between it and what was folded before.
      const same = state.world?.logEpoch === message.world.logEpoch && state.world.offset === message.world.offset
      if (same) return set({ world: message.world })
      set({ world: message.world, threads: new Map(), tail: [] })
      for (const threadId of open) void openThread(threadId)
      return
    }
    case "events":
      return take(message.events)
    case "connection":
      if (message.connection.state === "live" && state.connection.state !== "live") {
        void loadProviders()
        Waiting.flush(link)
        for (const [threadId, opened] of state.threads) if (opened.state === "failed") void openThread(threadId)
      }
      return set({ connection: message.connection })
    case "notice":
      return set({ notice: message.notice })
    case "usage":
      return set({ usage: new BoundedMap(maxUsage, state.usage).renew(message.turnId, message.usage) })
    default:
      return
  }
}

export const link: Link.Link = Link.make(hear)

const pageBefore = (before?: number) => (before === undefined ? { limit: pageSize } : { limit: olderPageSize, before })
const items = (threadId: ThreadId, before?: number) =>
  link.call<PageOf<ItemView>>({ name: "items", threadId, page: pageBefore(before) })
const turns = (threadId: ThreadId, before?: number) =>
  link.call<PageOf<TurnView>>({ name: "turns", threadId, page: pageBefore(before) })

const words = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** Loads the pages of the newest items and turns, then folds the events received meanwhile. */
export const openThread = async (threadId: ThreadId): Promise<void> => {
  const known = state.threads.get(threadId)
  if (known !== undefined && known.state !== "failed") return setThread(threadId, known)
  setThread(threadId, { state: "loading" })
  early.set(threadId, [])
  try {
    const [itemPage, turnPage] = await Promise.all([items(threadId), turns(threadId)])
    const transcript = Transcript.make(threadId, itemPage, turnPage, Object.values(state.world?.requests ?? {}))
    for (const event of early.get(threadId) ?? []) Transcript.apply(transcript, event)
    setThread(threadId, { state: "ready", transcript, loadingOlder: false })
  } catch (cause) {
    setThread(threadId, { state: "failed", message: words(cause) })
  } finally {
    early.delete(threadId)
  }
}

/** Loads the next older page of items, and the turns of those items. One load at a time per thread. */
export const loadOlder = async (threadId: ThreadId): Promise<void> => {
  const opened = state.threads.get(threadId)
  if (opened?.state !== "ready" || opened.loadingOlder || opened.transcript.before === undefined) return
  const { transcript } = opened
  setThread(threadId, { ...opened, loadingOlder: true })
  try {
    const page = await items(threadId, transcript.before)
    Transcript.addItems(transcript, page)
    const oldest = page.items.at(-1)?.turnId
    const reached = () => oldest === undefined || transcript.turns.has(oldest)
    for (let before = transcript.beforeTurns; before !== undefined && !reached(); before = transcript.beforeTurns)
      Transcript.addTurns(transcript, await turns(threadId, before))
  } catch {
    // The connection was lost; the next scroll retries.
  }
  if (state.threads.get(threadId)?.state === "ready") setThread(threadId, { state: "ready", transcript, loadingOlder: false })
}

export const loadProviders = async (): Promise<void> => {
  try {
    set({ providers: await link.call<ReadonlyArray<ProviderStatus>>({ name: "providers" }) })
  } catch {
    // Shown as not loaded; retried at the next attach.
  }
}

export const dismiss = (): void => set({ notice: undefined })
export const current = (): State => state
export const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
