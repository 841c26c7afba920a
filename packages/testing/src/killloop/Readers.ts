/** Clients that live through all servers of a run, each with its cursor: what they saw, for the history checker. */
import * as NodeWebSocket from "@millrace/client/NodeWebSocket"
import * as RpcTransport from "@millrace/client/RpcTransport"
import type { LogEvent } from "@millrace/contracts/Event"
import { Effect, Random, Stream } from "effect"
import type { Attach, History, Seen } from "../HistoryChecker.ts"
import * as RawSse from "../RawSse.ts"
import type { Address } from "./Commands.ts"

export interface Reader {
  readonly history: () => History
  /**
   * Reads from one server to its end, which breaks the connection, and is no failure. `each` gets what comes. `isLast`: it does not cut itself, because a
   * server that drains takes no new stream.
   */
  readonly read: (address: Address, each: (event: LogEvent) => void, isLast: boolean) => Effect.Effect<void>
}

const offsetOf = (cursor: string | undefined): number => (cursor === undefined ? 0 : Number(cursor.split("-").at(-1)))

const remembering = (name: string) => {
  const attaches: Array<Attach> = []
  let cursor: string | undefined
  return {
    cursor: () => cursor,
    history: (): History => ({ reader: name, start: 0, attaches }),
    attach: () => {
      const seen: Array<Seen> = []
      attaches.push({ after: offsetOf(cursor), seen, live: false })
      return (id: string, json: string) => {
        cursor = id
        seen.push({ _tag: "event", offset: offsetOf(id), json })
      }
    }
  }
}

/** Over server-sent events; `cuts`: it breaks its own connection again and again, at any byte. */
export const sse = (name: string, cuts: boolean): Reader => {
  const memory = remembering(name)
  return {
    history: memory.history,
    read: ({ token, url }, each, isLast) =>
      Effect.gen(function* () {
        for (;;) {
          const see = memory.attach()
          let taken = 0
          const take = (events: ReadonlyArray<RawSse.RawEvent>): void => {
            for (const { data, id } of events.slice(taken)) {
              see(id, data)
              each(JSON.parse(data) as LogEvent)
            }
            taken = events.length
          }
          const cursor = memory.cursor()
          const { end, events, status } = yield* RawSse.attach({
            url: `${url}/api/events`,
            token,
            ...(cursor === undefined ? {} : { lastEventId: cursor }),
            ...(cuts && !isLast ? { cutAfterBytes: yield* Random.nextIntBetween(40, 60_000) } : {}),
            until: (soFar) => {
              take(soFar)
              return false
            }
          })
          // What came in one piece with the cut.
          take(events)
          if (end !== "cut" || status !== 200) return
        }
      }).pipe(Effect.ignore)
  }
}

export const rpc = (name: string): Reader => {
  const memory = remembering(name)
  return {
    history: memory.history,
    read: ({ token, url }) =>
      Effect.gen(function* () {
        const see = memory.attach()
        const cursor = memory.cursor()
        const transport = yield* RpcTransport.make({
          url: `${url.replace("http", "ws")}/rpc`,
          webSocket: NodeWebSocket.open(token)
        })
        yield* transport
          .follow(cursor === undefined ? {} : { after: cursor })
          .pipe(
            Stream.runForEach((frame) =>
              Effect.sync(() => frame._tag === "event" && see(frame.cursor, JSON.stringify(frame.event)))
            )
          )
      }).pipe(Effect.scoped, Effect.ignore)
  }
}
