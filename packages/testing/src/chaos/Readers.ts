/**
 * Readers in the way that clients are written: they store the position of the last thing they received and resume there after a cut. Each
 * records what it received, connection by connection, for the history checker.
 */
import { format, parse } from "@millrace/contracts/Cursor"
import type { SubscriptionFrame } from "@millrace/contracts/Frame"
import type { EventFilter } from "@millrace/contracts/Filter"
import type { StreamName } from "@millrace/contracts/Ids"
import * as Client from "@millrace/client/Follow"
import * as Sse from "@millrace/client/internal/Sse"
import type { EventSourceMessage } from "eventsource-parser"
import { Disconnected } from "@millrace/client/TransportError"
import { Deferred, Effect, Either, Option, Queue, Random, Stream } from "effect"
import type { Attach, History, Seen } from "../HistoryChecker.ts"
import type * as Faults from "./Faults.ts"
import type { Server, Socket, World } from "./World.ts"

export type Kind = "in process" | "subscription" | "best effort" | "sse" | "poll" | "client"

interface Attaching extends Attach {
  readonly seen: Array<Seen>
  live: boolean
}

export interface Reader {
  readonly history: History
  /** Reads without a limit. Returns only when its stream has ended. */
  readonly run: Effect.Effect<void>
}

interface State {
  readonly stream: StreamName | undefined
  readonly attaches: Array<Attaching>
  readonly faults: Faults.Faults
  /** Everything up to this offset was received. */
  position: number
  ended: boolean
}

const offsetOf = (cursor: string): number =>
  Either.match(parse(cursor), { onLeft: () => Number.NaN, onRight: ({ offset }) => offset })

const begin = (state: State): Attaching => {
  state.faults.counts.attaches++
  const attach: Attaching = { after: state.position, seen: [], live: true }
  state.attaches.push(attach)
  return attach
}

/** Records a frame and moves the position as a client does: events move it, `bye` says where to resume (D5). */
const take = (state: State, attach: Attaching, seen: Seen): void => {
  attach.seen.push(seen)
  if (seen._tag === "lagged") state.faults.counts.lagged++
  else if (seen._tag === "event") state.position = seen.offset
  else if (seen._tag === "bye") state.position = Math.max(state.position, seen.resumeAfter)
  else if (seen._tag === "end") state.ended = true
}

const chance = (p: number) => Effect.map(Random.next, (n) => n < p)
/** Pauses now and then while faults are active. */
const dawdle = (state: State) =>
  Effect.flatMap(chance(0.1), (slow) =>
    slow && state.faults.active ? Effect.flatMap(Random.nextIntBetween(1, 900), (ms) => Effect.sleep(ms)) : Effect.void
  )

const ofFrame = (frame: SubscriptionFrame): Seen | undefined => {
  switch (frame._tag) {
    case "event":
      return { _tag: "event", offset: offsetOf(frame.cursor), json: JSON.stringify(frame.event) }
    case "bye":
      return { _tag: "bye", resumeAfter: offsetOf(frame.resumeAfter) }
    case "end":
      return { _tag: "end" }
    case "signal":
      return undefined
    case "lagged":
      return frame
    case "caught-up":
      return { _tag: "caught-up", head: frame.head, replayed: frame.replayed }
    case "heartbeat":
      return { _tag: "heartbeat", head: frame.head }
  }
}

const query = (server: Server, state: State) => ({
  ...(state.stream === undefined ? {} : { stream: state.stream }),
  after: format(server.log.epoch, state.position)
})

/** Frames of an in-process subscription, which ends after some of them. */
const inProcess =
  (frames: (server: Server, state: State, capacity: number) => ReturnType<Server["subscribe"]>) =>
  (server: Server, state: State) =>
    Effect.gen(function* () {
      const attach = begin(state)
      const capacity = yield* Random.nextIntBetween(1, 9)
      let left = (yield* chance(0.7)) && state.faults.active ? yield* Random.nextIntBetween(0, 12) : Number.POSITIVE_INFINITY
      yield* frames(server, state, capacity).pipe(
        Stream.takeWhile(() => left-- > 0),
        Stream.tap((frame) => {
          const seen = ofFrame(frame)
          if (seen !== undefined) take(state, attach, seen)
          return dawdle(state)
        }),
        Stream.runDrain
      )
      if (left < 0) state.faults.counts.cuts++
    })

const subscribed = (delivery: "lossless" | "best-effort") =>
  inProcess((server, state, capacity) => server.subscribe({ ...query(server, state), capacity, delivery }))

const ofSse = ({ data, event, id }: EventSourceMessage): Seen | undefined => {
  const control = () => JSON.parse(data) as { readonly head: number; readonly replayed: number; readonly resumeAfter: string }
  switch (event) {
    case undefined:
      return { _tag: "event", offset: id === undefined ? Number.NaN : offsetOf(id), json: data }
    case "caught-up":
      return { _tag: "caught-up", head: control().head, replayed: control().replayed }
    case "heartbeat":
      return { _tag: "heartbeat", head: control().head }
    case "bye":
      return { _tag: "bye", resumeAfter: offsetOf(control().resumeAfter) }
    case "end":
      return { _tag: "end" }
    default:
      return undefined
  }
}

/** A fake socket. Like node's, it accepts every write and reports when it is full: after `capacity` chunks, until all are read. The last chunk is `undefined`. */
const makeSocket = (capacity: number) =>
  Effect.map(Queue.unbounded<Uint8Array | undefined>(), (pieces) => {
    const waiting = new Set<() => void>()
    let full = false
    const socket = {
      write: (bytes: Uint8Array) => {
        pieces.unsafeOffer(bytes)
        full = full || Option.getOrElse(pieces.unsafeSize(), () => 0) >= capacity
        return !full
      },
      get writableNeedDrain() {
        return full
      },
      once: (_: "drain", go: () => void) => waiting.add(go),
      off: (_: "drain", go: () => void) => waiting.delete(go)
      // The product uses exactly these overloads.
    } as unknown as Socket
    const take = Effect.tap(Queue.take(pieces), () => {
      if (!full || Option.getOrElse(pieces.unsafeSize(), () => 0) > 0) return
      full = false
      for (const go of waiting) {
        waiting.delete(go)
        go()
      }
    })
    return { socket, take, end: Queue.offer(pieces, undefined) }
  })

/** Bytes over a socket with a small buffer, in slices of any size, cut at any byte; resumes with `Last-Event-ID`, as EventSource does. */
const sse = (first: string) => (server: Server, state: State) =>
  Effect.gen(function* () {
    const attach = begin(state)
    const parser = Sse.make(Number.MAX_SAFE_INTEGER)
    const { after } = query(server, state)
    // The URL never changes: the header takes precedence over its cursor.
    const parameters = new URLSearchParams(state.stream === undefined ? { after: first } : { after: first, stream: state.stream })
    const { end, socket, take: piece } = yield* makeSocket(yield* Random.nextIntBetween(1, 6))
    const asked = { accept: "text/event-stream", ...(state.attaches.length > 1 ? { "last-event-id": after } : {}) }
    const answer = yield* server.get(`/api/events?${parameters}`, asked, socket)
    if (answer.body._tag !== "Stream") return yield* Effect.dieMessage("SSE is a stream")
    let budget = (yield* chance(0.75)) && state.faults.active ? yield* Random.nextIntBetween(0, 2_500) : Number.POSITIVE_INFINITY
    yield* Effect.forkScoped(Effect.ensuring(Stream.runDrain(answer.body.stream), end))
    for (let chunk = yield* piece; chunk !== undefined && budget > 0; chunk = budget > 0 ? yield* piece : undefined) {
      for (let from = 0; from < chunk.length && budget > 0;) {
        const size = Math.min(yield* Random.nextIntBetween(1, 600), budget)
        for (const frame of parser.push(chunk.subarray(from, from + size)) ?? []) {
          const seen = ofSse(frame)
          if (seen !== undefined) take(state, attach, seen)
        }
        from += size
        budget -= size
        yield* dawdle(state)
      }
    }
    if (budget <= 0) state.faults.counts.cuts++
  }).pipe(Effect.scoped)

/** Pages by `since` and `limit`, with or without waiting. Some answers are lost in transit, some requests are aborted. */
const poll = (server: Server, state: State) =>
  Effect.gen(function* () {
    const attach = begin(state)
    attach.live = false
    for (;;) {
      const since = state.position
      const limit = (yield* chance(0.5)) ? yield* Random.nextIntBetween(1, 6) : undefined
      const wait = (yield* chance(0.7)) ? yield* Random.nextIntBetween(1, 25) : 0
      const parameters = new URLSearchParams(
        (yield* chance(0.5)) ? { since: String(since) } : { after: format(server.log.epoch, since) }
      )
      if (limit !== undefined) parameters.set("limit", String(limit))
      if (wait > 0) parameters.set("wait", String(wait))
      if (state.stream !== undefined) parameters.set("stream", state.stream)
      const patience = (yield* chance(0.2)) && state.faults.active ? yield* Random.nextIntBetween(1, 4_000) : 70_000
      const answer = yield* Effect.timeoutOption(
        server.get(`/api/events?${parameters}`, { accept: "application/x-ndjson" }),
        patience
      )
      if (answer._tag === "None" || (state.faults.active && (yield* chance(0.15)))) {
        state.faults.counts.cuts++
        continue
      }
      const { body, headers } = answer.value
      const text = body._tag === "Uint8Array" ? Buffer.from(body.body).toString("utf8") : ""
      const upTo = Number(headers["x-millrace-last-idx"])
      const jsons = text.split("\n").filter((line) => line !== "")
      // An empty page with an unchanged position carries no information.
      if (jsons.length > 0 || upTo !== since)
        attach.seen.push({ _tag: "page", since, upTo, jsons, ...(limit !== undefined && { limit }) })
      state.position = upTo
      yield* Effect.sleep(yield* Random.nextIntBetween(50, 600))
    }
  })

/** A reader that reconnects after each end of its connection, without a limit. */
const reattaching = (world: World, state: State, attach: (server: Server, state: State) => Effect.Effect<void, unknown>) =>
  Effect.gen(function* () {
    let farewells = 0
    while (farewells < 2) {
      const server = yield* world.server
      yield* Effect.raceFirst(attach(server, state), Deferred.await(server.down))
      for (const over of state.attaches) over.live = false
      // After `end` a client may reconnect once; it must receive `end` again.
      if (state.ended) farewells++
      yield* Effect.sleep(yield* Random.nextIntBetween(1, 300))
    }
  })

/** The product's resuming client over connections that break. */
const client = (world: World, state: State) => {
  let attach = begin(state)
  const transport = {
    follow: (request: EventFilter & { readonly after?: string }) =>
      Stream.unwrap(
        Effect.gen(function* () {
          const server = yield* world.server
          const size = state.faults.active && (yield* chance(0.7)) ? yield* Random.nextIntBetween(0, 15) : Number.MAX_SAFE_INTEGER
          const disconnected = new Disconnected({ message: "cut" })
          return server
            .follow(request)
            .pipe(
              Stream.interruptWhenDeferred(server.down),
              Stream.take(size),
              Stream.concat(Stream.suspend(() => (state.faults.counts.cuts++, Stream.fail(disconnected))))
            )
        })
      )
  }
  return Effect.map(world.server, (server) =>
    Client.follow(transport, query(server, state), {
      // The fake network has no silence to detect, and the transport handles heartbeats.
      silence: "1 hour",
      onStatus: (status) =>
        Effect.sync(() => {
          if (status._tag === "reconnecting") attach.live = false
          else if (attach.seen.length > 0 || !attach.live) attach = begin(state)
        })
    })
  ).pipe(
    Stream.unwrap,
    Stream.runForEach((frame) => {
      const seen = ofFrame(frame)
      if (seen !== undefined) take(state, attach, seen)
      return dawdle(state)
    })
  )
}

/** A reader that begins after `start`. A rejection that a correct client never gets ends the run as a defect. */
export const make = (
  world: World,
  faults: Faults.Faults,
  options: { readonly name: string; readonly kind: Kind; readonly stream: StreamName | undefined; readonly start: number }
): Reader => {
  const { kind, name, start, stream } = options
  const state: State = { stream, attaches: [], faults, position: start, ended: false }
  const loop = (attach: (server: Server, state: State) => Effect.Effect<void, unknown>) => reattaching(world, state, attach)
  const run = {
    "in process": () => loop(inProcess((server, state) => server.follow(query(server, state)))),
    subscription: () => loop(subscribed("lossless")),
    "best effort": () => loop(subscribed("best-effort")),
    sse: () => Effect.flatMap(world.server, ({ log }) => loop(sse(format(log.epoch, start)))),
    poll: () => loop(poll),
    client: () => client(world, state)
  }[kind]()
  return {
    history: { reader: name, start, attaches: state.attaches, ...(stream !== undefined && { stream }) },
    run: Effect.orDie(run)
  }
}
