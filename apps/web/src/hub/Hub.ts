/**
 * The single connection of a browser: follows the whole log from the saved cursor, folds it, and sends it to every tab. Runs in a
 * SharedWorker, so that tabs share one WebSocket; in a browser without SharedWorker it runs in the page.
 * A tab receives the state at an offset and then each later event, once, in order: a port is a lossless queue.
 * The browser's clock decides when the state is saved and whether an absence is reported, never what a tab receives.
 */
import { cut } from "@millrace/contracts/Text"
import * as Backoff from "@millrace/client/Backoff"
import * as Client from "@millrace/client/Client"
import type * as Follow from "@millrace/client/Follow"
import type * as Outbox from "@millrace/client/Outbox"
import * as RpcTransport from "@millrace/client/RpcTransport"
import type { TransportError } from "@millrace/client/TransportError"
import { format } from "@millrace/contracts/Cursor"
import type { CursorError, StorageUnavailable } from "@millrace/contracts/Errors"
import type { LogEvent } from "@millrace/contracts/Event"
import { type Frame, leaseOver } from "@millrace/contracts/Frame"
import { usageIn } from "@millrace/contracts/Signal"
import { type Chunk, Effect, Fiber, Scope, Stream } from "effect"
import * as AppState from "@millrace/model/AppState"
import { answer } from "./Answer.ts"
import * as Probe from "./Probe.ts"
import * as Saved from "./Saved.ts"
import type { Connection, Notice, ToHub, ToTab } from "./Wire.ts"

export interface Tab {
  readonly post: (message: ToTab) => void
}

export interface Hub {
  readonly handle: (tab: Tab, message: ToHub) => void
}

/** Minimum absence, in milliseconds, after which a tab shows how many events it missed. */
const awayMillis = 5_000
const saveMillis = 1_000

/** Whether the event opens a request that no approval rule answers. */
const needsPerson = ({ data, type }: LogEvent): boolean =>
  type === "request.opened" && !(typeof data === "object" && data !== null && "rule" in data)

export const make = (origin: string): Hub => {
  const tabs = new Set<Tab>()
  let world: AppState.AppState | undefined
  let connection: Connection = { state: "connecting" }
  let running: Fiber.RuntimeFiber<unknown, unknown> | undefined
  let saving: ReturnType<typeof setTimeout> | undefined
  /** When the last frame arrived while live, in milliseconds since 1970. */
  let seenAt = Date.now()
  /** Whether an earlier state was shown, by this hub or at an earlier visit: only then can events have been missed. */
  let hadState = false

  const broadcast = (message: ToTab) => {
    for (const tab of tabs) tab.post(message)
  }
  const setConnection = (next: Connection) => {
    connection = next
    broadcast({ tag: "connection", connection })
  }
  const notice = (value: Notice) => broadcast({ tag: "notice", notice: value })
  const scheduleSave = () => {
    saving ??= setTimeout(() => {
      saving = undefined
      if (world !== undefined) void Saved.save(world)
    }, saveMillis)
  }

  /** Deletes what this browser saved. The page does not wait for it: IndexedDB may never answer. */
  const forget = () => {
    clearTimeout(saving)
    saving = undefined
    void Saved.forget()
  }

  /** Probes why the connection failed: in a browser a refused handshake looks like a lost connection. */
  const explain = (cause: { readonly message: string }, attempt: number) =>
    Effect.gen(function* () {
      const reason = yield* Probe.probe(origin)
      if (reason?.state === "unpaired") forget()
      // After `draining` the page waits for the restart and reports no failed attempts.
      if (reason === undefined && connection.state === "draining") return
      const reconnecting = { state: "reconnecting" as const, attempt, message: cause.message }
      setConnection(reason?.state === "not-ready" ? { ...reconnecting, reason: reason.reason } : (reason ?? reconnecting))
    })

  const onStatus = (status: Follow.Status) =>
    status._tag === "attached"
      ? Effect.sync(() => {
          if (connection.state !== "live") setConnection({ state: "replaying" })
        })
      : explain(status.cause, status.attempt)

  const onRetry: NonNullable<Outbox.Options["onRetry"]> = (_, cause) =>
    Effect.sync(() => {
      if (cause._tag === "ShuttingDown") setConnection({ state: "draining", message: cause.message })
    })

  const snapshot = (client: Client.Client) => {
    let attempt = 0
    return client.state.pipe(
      Effect.tapError((cause) => explain(cause, ++attempt)),
      Effect.retry({ schedule: Backoff.backoff, while: (error) => error._tag !== "ProtocolError" }),
      Effect.map(AppState.fromSnapshot)
    )
  }

  const begin = (next: AppState.AppState) => {
    world = next
    isComplete = true
    broadcast({ tag: "world", world })
    scheduleSave()
  }

  /** The events that were replayed since the connection was last live. */
  let missed = { events: 0, requests: 0 }
  /** False when a thread was unarchived that `world` does not have: a new snapshot is then read after catch-up. */
  let isComplete = true
  /** Handles a chunk of frames. Returns false to stop following, for a new snapshot. */
  const receive = (chunk: Chunk.Chunk<Frame>) =>
    Effect.sync(() => {
      const events: Array<LogEvent> = []
      const now = Date.now()
      for (const frame of chunk) {
        if (frame._tag === "event") {
          events.push(frame.event)
          missed.events++
          if (needsPerson(frame.event)) missed.requests++
        } else if (frame._tag === "signal") {
          const usage = usageIn(frame.signal)
          if (usage !== undefined && frame.signal.turnId !== undefined)
            broadcast({ tag: "usage", turnId: frame.signal.turnId, usage })
        } else if (frame._tag === "bye" && frame.reason !== leaseOver) setConnection({ state: "draining", message: frame.reason })
        else if (frame._tag === "caught-up") {
          if (events.length > 0) applyEvents(events.splice(0))
          if (hadState && missed.events > 0 && now - seenAt > awayMillis) notice({ kind: "resumed", ...missed })
          hadState = true
          setConnection({ state: "live" })
        }
      }
      if (events.length > 0) applyEvents(events)
      if (connection.state === "live") {
        missed = { events: 0, requests: 0 }
        seenAt = now
      }
      return isComplete || connection.state !== "live"
    })
  const applyEvents = (events: ReadonlyArray<LogEvent>) => {
    if (world === undefined) return
    world = AppState.applyAll(world, events)
    broadcast({ tag: "events", events })
    scheduleSave()
    const { threads } = world
    const isUnknown = ({ stream, type }: LogEvent) =>
      type === "thread.unarchived" && !Object.hasOwn(threads, stream.slice("thread/".length))
    if (events.some(isUnknown)) isComplete = false
  }

  const follow = (client: Client.Client): Effect.Effect<void, StorageUnavailable | TransportError> =>
    Effect.gen(function* () {
      if (world === undefined) {
        const saved = yield* Effect.promise(() => Saved.load())
        if (saved !== undefined) {
          hadState = true
          seenAt = saved.savedAt
        }
        begin(saved?.world ?? (yield* snapshot(client)))
      }
      const at = world ?? (yield* snapshot(client))
      yield* client.follow({ after: format(at.logEpoch, at.offset) }).pipe(
        Stream.chunks,
        Stream.runForEachWhile(receive),
        // The next subscription starts at the snapshot: continuing this one could skip events after it.
        Effect.zipRight(snapshot(client)),
        Effect.map((fresh) => begin({ ...fresh, settled: world?.settled ?? [] })),
        Effect.catchIf(
          (error): error is CursorError => error._tag.startsWith("Cursor"),
          (error) =>
            Effect.promise(() => Saved.forget()).pipe(
              Effect.zipRight(snapshot(client)),
              Effect.map((fresh) => {
                begin(fresh)
                notice({ kind: "renewed", why: error._tag })
              })
            )
        )
      )
    }).pipe(Effect.zipRight(Effect.suspend(() => follow(client))))

  // The scope is never closed: it lives as long as the worker.
  const ready = Effect.runPromise(
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const transport = yield* Scope.extend(RpcTransport.make({ url: `${origin.replace(/^http/, "ws")}/rpc` }), scope)
      return Client.make(transport, { follow: { onStatus }, outbox: { onRetry } })
    })
  )

  let started = Promise.resolve()
  /** Serialises starts: two concurrent ones would both follow, and the first could not be interrupted. */
  const start = () => {
    started = started.then(async () => {
      const client = await ready
      if (running !== undefined) await Effect.runPromise(Fiber.interrupt(running))
      running = Effect.runFork(
        follow(client).pipe(
          // A stream that is opened on a connection of a revoked session, before the server cuts it, is refused.
          Effect.tapError((cause) => explain(cause, 1)),
          Effect.retry({ schedule: Backoff.backoff, while: () => connection.state === "unpaired" }),
          Effect.catchAllCause((cause) =>
            Effect.sync(() => setConnection({ state: "failed", message: cut(cause.toString(), 500) }))
          )
        )
      )
    })
  }
  start()

  return {
    handle: (tab, message) => {
      switch (message.tag) {
        case "attach":
          tabs.add(tab)
          tab.post({ tag: "connection", connection })
          if (world !== undefined) tab.post({ tag: "world", world })
          return
        case "leave":
          tabs.delete(tab)
          if (world !== undefined && connection.state !== "unpaired") void Saved.save(world)
          return
        case "again":
          if (connection.state === "reconnecting" || connection.state === "draining") start()
          return
        case "retry":
          setConnection({ state: "connecting" })
          start()
          return
        case "call":
          void ready
            .then((client) => Effect.runPromise(answer(client, () => world?.logEpoch, message.call)))
            .then((result) => tab.post({ ...result, id: message.id }))
          return
      }
    }
  }
}
