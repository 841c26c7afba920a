/** Clients that keep reading while the servers of a run are killed and started. Each has its cursor, and records the events that it received for the history checker. */
import * as Follow from "@millrace/client/Follow"
import * as NodeWebSocket from "@millrace/client/NodeWebSocket"
import * as RpcTransport from "@millrace/client/RpcTransport"
import type { Transport } from "@millrace/client/Transport"
import type { LogEvent } from "@millrace/contracts/Event"
import type { Frame } from "@millrace/contracts/Frame"
import { Deferred, Effect, Exit, FiberId, Random, Schedule, type Scope, Stream } from "effect"
import type { Attach, History, Seen } from "../HistoryChecker.ts"
import * as RawPage from "../RawPage.ts"
import * as RawSse from "../RawSse.ts"
import type { Address } from "./Commands.ts"

type Each = (event: LogEvent) => void

export interface Reader {
  readonly name: string
  readonly history: () => History
  /** The offset up to which the reader has all events. */
  readonly offset: () => number
  /** Returns when the reader has all events up to this offset. */
  readonly reached: (offset: number) => Effect.Effect<void>
  /** Resets `answered`, at the end of a server. */
  readonly forget: () => void
  /** Returns when a server has answered the reader since the last `forget`. */
  readonly answered: Effect.Effect<void>
  /** Current state, for a message. */
  readonly state: () => string
  /** Errors since the last call that the end of a server does not explain, such as status 409 or a missing event. Each is reported once. */
  readonly faults: () => ReadonlyArray<string>
  /** `asked`: number of calls of `attach`. `answered`: number of answers; a long-poll gets one for each page. */
  readonly connections: () => { readonly asked: number; readonly answered: number }
  /** Reads from the cursor until its connection ends; the client reconnects by itself within one call. `each` is called for every event. */
  readonly attach: (address: Address, each: Each) => Effect.Effect<void>
}

/** Longest pause before a reader reconnects, in milliseconds. */
const pause = 80

/** Reads until it is interrupted: after the end of a connection the next one begins within 80 ms. No time limit. */
export const keepReading = (reader: Reader, address: Address, each: Each = () => {}): Effect.Effect<never> =>
  Effect.forever(
    Effect.zipRight(
      reader.attach(address, each),
      Effect.flatMap(Random.nextIntBetween(1, pause + 1), (millis) => Effect.sleep(millis))
    )
  )

/** Whether the connection was refused or cut. Otherwise the server sent something wrong. */
const isLost = (error: NodeJS.ErrnoException): boolean => error.syscall !== undefined || error.code === "ECONNRESET"

const offsetOf = (cursor: string | undefined): number => (cursor === undefined ? 0 : Number(cursor.split("-").at(-1)))

/** Returns one shared string for equal texts, because all readers keep their history until the end of a run. */
export type Interned = (offset: number, json: string) => string
export const interned = (): Interned => {
  const known: Array<string> = []
  return (offset, json) => (known[offset] === json ? known[offset] : (known[offset] ??= json) === json ? known[offset] : json)
}

const remembering = (name: string, intern: Interned) => {
  const attaches: Array<Attach> = []
  const waiting = new Set<{ readonly offset: number; readonly done: Deferred.Deferred<void> }>()
  /** Faults, with the connection on which each first occurred. */
  const faults = new Map<string, string>()
  let cursor: string | undefined
  let offset = 0
  let answers = 0
  let state = "begins"
  let isAnswered = Deferred.unsafeMake<void>(FiberId.none)
  const moved = (to: number): void => {
    offset = Math.max(offset, to)
    for (const one of waiting)
      if (one.offset <= offset) {
        waiting.delete(one)
        Deferred.unsafeDone(one.done, Exit.void)
      }
  }
  const attach = () => {
    const seen: Array<Seen> = []
    const after = offsetOf(cursor)
    attaches.push({ after, seen, live: false })
    const description = `connection ${attaches.length}, after ${after}`
    state = `waits for an answer on ${description}`
    const fault = (text: string): void => void (faults.has(text) || faults.set(text, description))
    return {
      answered: () => {
        answers++
        state = `reads on ${description}`
        Deferred.unsafeDone(isAnswered, Exit.void)
      },
      event: (id: string, json: string) => {
        cursor = id
        seen.push({ _tag: "event", offset: offsetOf(id), json: intern(offsetOf(id), json) })
        moved(offsetOf(id))
      },
      page: (page: Seen & { readonly _tag: "page" }, next: string) => {
        cursor = next
        seen.push(page)
        moved(page.upTo)
      },
      /** A starting or draining server answers 503. */
      status: (status: number) => {
        if (status !== 200 && status !== 503) fault(`it was answered ${status}`)
      },
      fault,
      ended: Effect.sync(() => {
        state = `has lost ${description}`
      })
    }
  }
  return {
    cursor: () => cursor,
    intern,
    attach,
    of: (connect: (address: Address, each: Each, memory: ReturnType<typeof attach>) => Effect.Effect<void>): Reader => ({
      name,
      history: () => ({ reader: name, start: 0, attaches }),
      offset: () => offset,
      reached: (wanted) =>
        Effect.gen(function* () {
          if (wanted <= offset) return
          const done = yield* Deferred.make<void>()
          waiting.add({ offset: wanted, done })
          yield* Deferred.await(done)
        }),
      forget: () => {
        isAnswered = Deferred.unsafeMake<void>(FiberId.none)
      },
      answered: Effect.suspend(() => Deferred.await(isAnswered)),
      state: () => state,
      faults: () => {
        const found = [...faults].map(([text, what]) => `${name}, ${what}: ${text}`)
        faults.clear()
        return found
      },
      connections: () => ({ asked: attaches.length, answered: answers }),
      attach: (address, each) =>
        Effect.suspend(() => {
          const memory = attach()
          return connect(address, each, memory).pipe(
            Effect.catchAllDefect((defect) => Effect.sync(() => memory.fault(String(defect)))),
            Effect.ensuring(memory.ended)
          )
        })
    })
  }
}

type Memory = ReturnType<ReturnType<typeof remembering>["attach"]>

/** Runs a connection over HTTP. Every error except a lost connection is a fault. */
const overHttp = (connection: Effect.Effect<void, Error>, { fault }: Memory): Effect.Effect<void> =>
  Effect.catchAll(connection, (error) => Effect.sync(() => void (isLost(error) || fault(String(error)))))

/** Limits of random cuts. The largest is above the size of any event, so that a reader is not cut inside the same event every time. */
const cutWithin: readonly [number, ...ReadonlyArray<number>] = [5_000, 60_000, 1_500_000]

/** A reader over server-sent events. `cuts`: the reader cuts its connections at a random byte. `slow`: the reader pauses between reads. */
export const sse = (
  name: string,
  how: { readonly cuts?: boolean; readonly slow?: boolean } = {},
  intern = interned()
): Reader => {
  const memory = remembering(name, intern)
  return memory.of(({ token, url }, each, connection) => {
    const { answered, event } = connection
    const reading = Effect.gen(function* () {
      let taken = 0
      const take = (events: ReadonlyArray<RawSse.RawEvent>): void => {
        for (const { data, id } of events.slice(taken)) {
          event(id, data)
          each(JSON.parse(data) as LogEvent)
        }
        taken = events.length
      }
      const cursor = memory.cursor()
      const { events } = yield* RawSse.attach({
        url: `${url}/api/events`,
        token,
        onAnswer: (status) => {
          connection.status(status)
          if (status === 200) answered()
        },
        ...(cursor === undefined ? {} : { lastEventId: cursor }),
        ...(how.cuts === true ? { cutAfterBytes: yield* Random.nextIntBetween(40, yield* Random.choice(cutWithin)) } : {}),
        ...(how.slow === true ? { restMillis: 25 } : {}),
        until: (soFar) => {
          take(soFar)
          return false
        }
      })
      // Takes the events that arrived together with the cut.
      take(events)
    })
    return overHttp(reading, connection)
  })
}

/** A reader by long-poll: it requests page after page, and each request waits for the next event. */
export const longPoll = (name: string, intern = interned()): Reader => {
  const memory = remembering(name, intern)
  const limit = 500
  return memory.of(({ token, url }, each, connection) => {
    const { answered, page } = connection
    const reading = Effect.gen(function* () {
      for (;;) {
        const cursor = memory.cursor()
        const from = cursor === undefined ? "since=0" : `after=${cursor}`
        const { body, headers, status } = yield* RawPage.get(`${url}/api/events?${from}&wait=20&limit=${limit}`, token)
        connection.status(status)
        if (status !== 200) return
        answered()
        const events = JSON.parse(body) as ReadonlyArray<LogEvent>
        const upTo = Number(headers["x-millrace-last-idx"])
        const jsons = events.map((event) => memory.intern(event.offset, JSON.stringify(event)))
        page({ _tag: "page", since: offsetOf(cursor), upTo, limit, jsons }, String(headers["x-millrace-cursor"]))
        events.forEach(each)
      }
    })
    return overHttp(reading, connection)
  })
}

const transport = ({ token, url }: Address): Effect.Effect<Transport, never, Scope.Scope> =>
  RpcTransport.make({ url: `${url.replace("http", "ws")}/rpc`, webSocket: NodeWebSocket.open(token) })

const overRpc = (
  name: string,
  intern: Interned,
  follow: (
    transport: Transport,
    after: { readonly after?: string },
    answered: () => void
  ) => Stream.Stream<Frame, Follow.FollowError>
): Reader => {
  const memory = remembering(name, intern)
  return memory.of((address, each, { answered, event, fault }) =>
    Effect.gen(function* () {
      const cursor = memory.cursor()
      const frames = follow(yield* transport(address), cursor === undefined ? {} : { after: cursor }, answered)
      yield* Stream.runForEach(frames, (frame) =>
        Effect.sync(() => {
          if (frame._tag !== "event") return
          event(frame.cursor, JSON.stringify(frame.event))
          each(frame.event)
        })
      )
    }).pipe(
      Effect.scoped,
      Effect.catchTags({ Disconnected: () => Effect.void, StorageUnavailable: () => Effect.void }),
      Effect.catchAll((error) => Effect.sync(() => fault(`${error._tag}: ${error.message}`)))
    )
  )
}

/** One `follow` over RPC for each connection. */
export const rpc = (name: string, intern = interned()): Reader =>
  overRpc(name, intern, (over, after, answered) =>
    Stream.unwrap(
      Effect.sync(() => {
        let isFirst = true
        return Stream.tap(over.follow(after), () =>
          Effect.sync(() => {
            if (isFirst) answered()
            isFirst = false
          })
        )
      })
    )
  )

/** The resuming client over RPC. It reconnects by itself. */
export const client = (name: string, intern = interned()): Reader =>
  overRpc(name, intern, (over, after, answered) =>
    Follow.follow(over, after, {
      schedule: Schedule.jitteredWith(Schedule.spaced(pause), { min: 0.1, max: 1 }),
      onStatus: ({ _tag }) => Effect.sync(() => _tag === "attached" && answered())
    })
  )

/** `count` readers, alternating between the kinds. */
export const some = (count: number): ReadonlyArray<Reader> => {
  const intern = interned()
  const kinds: ReadonlyArray<readonly [string, (name: string) => Reader]> = [
    ["sse", (name) => sse(name, {}, intern)],
    ["sse, cut", (name) => sse(name, { cuts: true }, intern)],
    ["sse, slow", (name) => sse(name, { slow: true }, intern)],
    ["long-poll", (name) => longPoll(name, intern)],
    ["rpc", (name) => rpc(name, intern)],
    ["client over rpc", (name) => client(name, intern)]
  ]
  return Array.from({ length: count }, (_, n) => {
    const [kind, make] = kinds[n % kinds.length] ?? ["sse", (name: string) => sse(name, {}, intern)]
    return make(`${kind} ${Math.floor(n / kinds.length) + 1}`)
  })
}
