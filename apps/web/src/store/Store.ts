/**
 * A tab's state: the world (state of all threads), the open transcripts, the connection. A single value, folded from the messages of the hub.
 * Views read it with `useStore` and change it only by commands. Listeners are called once per animation frame.
 */
import { BoundedMap } from "@millrace/contracts/BoundedMap"
import type { LogEvent } from "@millrace/contracts/Event"
import type { TurnId } from "@millrace/contracts/Ids"
import type { ItemView, Usage } from "@millrace/contracts/Item"
import type { PageOf } from "@millrace/contracts/Millrace"
import type { ProviderStatus, TurnView } from "@millrace/contracts/State"
import * as Link from "../hub/Link.ts"
import type { Connection, Notice, ToTab } from "../hub/Wire.ts"
import * as AppState from "@millrace/model/AppState"
import { nextFrame } from "@millrace/react/nextFrame"
import * as Transcripts from "@millrace/react/Transcripts"
import { renewing } from "./Renewing.ts"
import * as Waiting from "./Waiting.ts"

/** Maximum number of events in `tail`. */
const maxTail = 2_000
/** Maximum number of turns in `usage`; the oldest entry is evicted first. */
const maxUsage = 50

export interface State {
  readonly world: AppState.AppState | undefined
  readonly connection: Connection
  readonly notice: Notice | undefined
  readonly threads: Transcripts.OpenThreads
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
let isNotifying = false

const notifyListeners = () => {
  isNotifying = false
  for (const listener of listeners) listener()
}
const set = (change: Partial<State>) => {
  state = { ...state, ...change, version: state.version + 1 }
  if (isNotifying) return
  isNotifying = true
  nextFrame(notifyListeners)
}

const applyEvents = (events: ReadonlyArray<LogEvent>) => {
  if (state.world === undefined) return
  const fresh = events.filter((event) => event.offset > (state.world?.offset ?? 0))
  set({ world: AppState.applyAll(state.world, fresh), tail: [...state.tail, ...fresh].slice(-maxTail) })
  transcripts.take(fresh)
}

const receive = (message: ToTab) => {
  switch (message.tag) {
    case "world": {
      const same = state.world?.logEpoch === message.world.logEpoch && state.world.offset === message.world.offset
      if (same) return set({ world: message.world })
      set({ world: message.world, tail: [] })
      return transcripts.reload()
    }
    case "events":
      return applyEvents(message.events)
    case "connection":
      if (message.connection.state === "live" && state.connection.state !== "live") {
        void loadProviders()
        Waiting.flush(link)
        transcripts.retryFailed()
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

export const link: Link.Link = renewing(Link.make(receive))

const transcripts = Transcripts.make({
  items: (threadId, page) => link.call<PageOf<ItemView>>({ name: "items", threadId, page }),
  turns: (threadId, page) => link.call<PageOf<TurnView>>({ name: "turns", threadId, page }),
  requests: () => Object.values(state.world?.requests ?? {}),
  onChange: (threads) => set({ threads })
})
export const { loadOlder, open: openThread } = transcripts

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
