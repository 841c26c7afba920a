/**
 * The state of a server for a front end. One connection keeps it up to date: a snapshot, then every later event once, folded by `@millrace/model`. It does
 * not need React.
 * ```ts
 * const live = await connect({ url: "http://127.0.0.1:7717", token })
 * live.subscribe(() => console.log(Object.keys(live.current().app?.threads ?? {})))
 * ```
 */
import * as Backoff from "@millrace/client/Backoff"
import { createClient, type CreateOptions, type PromiseClient } from "@millrace/client/createClient"
import type { Status } from "@millrace/client/Follow"
import { format } from "@millrace/contracts/Cursor"
import type { LogEvent } from "@millrace/contracts/Event"
import type { ThreadId } from "@millrace/contracts/Ids"
import * as AppState from "@millrace/model/AppState"
import { Data, Effect } from "effect"
import { nextFrame } from "./nextFrame.ts"
import * as Transcripts from "./Transcripts.ts"

export type Connection =
  /** No snapshot yet. */
  | { readonly state: "connecting" }
  /** Attached. The events since the snapshot or since the last connection are arriving. */
  | { readonly state: "replaying" }
  | { readonly state: "live" }
  | { readonly state: "reconnecting"; readonly attempt: number; readonly message: string }
  /** Stopped, because a new connection cannot repair the failure, such as an unknown token. */
  | { readonly state: "failed"; readonly message: string }

export interface State {
  readonly connection: Connection
  /** `undefined` until the first snapshot. */
  readonly app: AppState.AppState | undefined
  readonly threads: Transcripts.OpenThreads
}

export interface LiveState {
  /** The client for commands and queries. */
  readonly client: PromiseClient
  readonly current: () => State
  /** The listener is called after changes, at most once per `wait`. Returns the function that removes it. */
  readonly subscribe: (listener: () => void) => () => void
  /** Opens the transcript of a thread. It stays open until the returned function is called. */
  readonly retainThread: (threadId: ThreadId) => () => void
  /** Loads the transcript again if it failed. */
  readonly retryThread: (threadId: ThreadId) => Promise<void>
  readonly loadOlder: (threadId: ThreadId) => Promise<void>
  /** Ends the connection. The state stays as it is. */
  readonly close: () => Promise<void>
}

export interface Options extends CreateOptions {
  /** Calls the listeners later, once for all changes until then. Default: at the next animation frame, and after 50 ms in a hidden page or without a page. */
  readonly wait?: (notify: () => void) => void
}

const tagOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "_tag" in cause ? String(cause._tag) : ""
const messageOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "message" in cause ? String(cause.message) : String(cause)
/** Whether a new snapshot is needed: the log has another epoch, no longer has these events, or an event is missing. */
const needsSnapshot = (cause: unknown) => tagOf(cause).startsWith("Cursor") || tagOf(cause) === "ProtocolError"
/** Waits before the next connection: longer after each failure, up to ten seconds. Ends early when the signal aborts. */
const pause = (failures: number, signal: AbortSignal): Promise<unknown> =>
  Effect.runPromiseExit(Effect.sleep(failures === 0 ? 0 : Math.min(10_000, 100 * 2 ** failures)), { signal })
class NoSnapshot extends Data.TaggedError("NoSnapshot")<{ readonly cause: unknown }> {}
const isPassing = (cause: unknown) => tagOf(cause) === "Disconnected" || tagOf(cause) === "StorageUnavailable"

/** Connects in the background, for as long as it takes. Rejects with a `TypeError` if the URL is not an `http` or `https` URL. */
export const connect = async ({ wait = nextFrame, ...options }: Options): Promise<LiveState> => {
  let state: State = { connection: { state: "connecting" }, app: undefined, threads: new Map() }
  const listeners = new Set<() => void>()
  const ending = new AbortController()
  let waits = false
  const set = (change: Partial<State>) => {
    state = { ...state, ...change }
    if (waits) return
    waits = true
    wait(() => {
      waits = false
      for (const listener of listeners) listener()
    })
  }
  const say = (connection: Connection) => {
    if (!ending.signal.aborted) set({ connection })
  }

  const onStatus = (status: Status) => {
    options.onStatus?.(status)
    if (status._tag === "reconnecting") say({ state: "reconnecting", attempt: status.attempt, message: status.cause.message })
    else if (state.connection.state !== "live") say({ state: "replaying" })
  }
  const client = await createClient({ ...options, onStatus })
  const transcripts = Transcripts.make({
    items: client.items,
    turns: client.turns,
    requests: () => Object.values(state.app?.requests ?? {}),
    onChange: (threads) => set({ threads })
  })

  /** Applies an event. Returns `false` if a new snapshot is needed, because the event unarchives a thread that the snapshot does not have. */
  const take = (app: AppState.AppState, event: LogEvent): boolean => {
    set({ app: AppState.apply(app, event) })
    transcripts.take([event])
    return event.type !== "thread.unarchived" || Object.hasOwn(app.threads, event.stream.slice("thread/".length))
  }

  let attempt = 0
  const snapshot = Effect.tryPromise({ try: () => client.state(), catch: (cause) => new NoSnapshot({ cause }) }).pipe(
    Effect.tapError(({ cause }) =>
      Effect.sync(() => say({ state: "reconnecting", attempt: ++attempt, message: messageOf(cause) }))
    ),
    Effect.retry({ schedule: Backoff.backoff, while: ({ cause }) => isPassing(cause) }),
    Effect.map((read) => {
      attempt = 0
      return AppState.fromSnapshot(read)
    }),
    Effect.either
  )

  /** One snapshot and the events after it. Returns whether to start again with a new snapshot. */
  const follow = async (): Promise<boolean> => {
    const read = await Effect.runPromise(snapshot, { signal: ending.signal })
    if (read._tag === "Left") throw read.left.cause
    set({ app: { ...read.right, settled: state.app?.settled ?? [] } })
    transcripts.reload()
    let complete = true
    const after = format(read.right.logEpoch, read.right.offset)
    for await (const frame of client.follow({ after, signal: ending.signal })) {
      if (frame._tag === "event" && state.app !== undefined) complete = take(state.app, frame.event) && complete
      if (frame._tag === "caught-up") {
        say({ state: "live" })
        transcripts.retryFailed()
      }
      if (!complete && state.connection.state === "live") return true
    }
    return false
  }
  /** Follows until a failure that a new snapshot cannot repair. Waits longer each time before it reads another snapshot, until one leads to `live`. */
  const run = async (): Promise<void> => {
    for (let failures = 0; ;) {
      try {
        if (!(await follow())) return
        failures = 0
      } catch (cause) {
        if (ending.signal.aborted) return
        if (!needsSnapshot(cause)) return say({ state: "failed", message: messageOf(cause) })
        failures = state.connection.state === "live" ? 0 : failures + 1
        say({ state: "reconnecting", attempt: failures, message: messageOf(cause) })
        await pause(failures, ending.signal)
      }
    }
  }
  void run()

  return {
    client,
    current: () => state,
    subscribe: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    retainThread: transcripts.retain,
    retryThread: transcripts.open,
    loadOlder: transcripts.loadOlder,
    close: () => {
      ending.abort()
      return client.close()
    }
  }
}
