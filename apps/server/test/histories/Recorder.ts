/** Records what a reader of each transport receives: the id and the bytes of each event, and the position at which it had to stop. */
import * as NodeWebSocket from "@millrace/client/NodeWebSocket"
import * as RpcTransport from "@millrace/client/RpcTransport"
import { format } from "@millrace/contracts/Cursor"
import type { EventFilter } from "@millrace/contracts/Filter"
import type { Frame } from "@millrace/contracts/Frame"
import type { EventLog } from "@millrace/log/EventLog"
import * as InProcess from "@millrace/testing/InProcess"
import { attach } from "@millrace/testing/RawSse"
import { Effect, Stream } from "effect"
import type { Fixture } from "../support/Fixture.ts"
import * as CuttingProxy from "../transports/CuttingProxy.ts"
import { isLast } from "./Written.ts"

type Log = typeof EventLog.Service

/** One reader: its filter, its cursor, how large its pages are, and after how many bytes each of its first connections is cut. */
export interface Ask {
  readonly filter: EventFilter
  /** Undefined: from the beginning. */
  readonly after: number | undefined
  readonly limit: number
  readonly cuts: ReadonlyArray<number>
}

/** `CURSOR JSON` of each event. */
export type History = ReadonlyArray<string>

export interface Place extends Pick<Fixture, "url" | "token" | "call"> {
  readonly log: Log
}

/** Reads until an event for which this holds was received, or until the head of the start. */
type Until = (json: string) => boolean

const line = (cursor: string, json: string) => `${cursor} ${json}`
const jsonOf = (one: string) => one.slice(one.indexOf(" ") + 1)
const offsetOf = (one: string) => Number(one.slice(one.indexOf("-") + 1, one.indexOf(" ")))
const cursorOf = ({ log }: Place, offset: number | undefined) =>
  offset === undefined ? {} : { after: format(log.epoch, offset) }

const namesOf = ({ stream, types }: EventFilter): string =>
  [
    ...(stream === undefined ? [] : typeof stream === "string" ? [stream] : stream).map((one) => `stream=${one}`),
    ...(types === undefined ? [] : [`types=${types.join(",")}`])
  ]
    .map((one) => `&${one}`)
    .join("")

/** Up to `until`; up to `caught-up` if it is absent. */
const frames = <E>(follow: Stream.Stream<Frame, E>, until: Until | undefined): Effect.Effect<History, E> => {
  const history: Array<string> = []
  return follow.pipe(
    Stream.takeUntil((frame) =>
      until === undefined ? frame._tag === "caught-up" : frame._tag === "event" && until(JSON.stringify(frame.event))
    ),
    Stream.runForEach((frame) =>
      Effect.sync(() => void (frame._tag === "event" && history.push(line(frame.cursor, JSON.stringify(frame.event)))))
    ),
    Effect.as(history)
  )
}

const inProcess = (place: Place, { after, filter }: Ask, until?: Until) =>
  frames(InProcess.follow(place.log, { ...filter, ...cursorOf(place, after) }), until)

/** The first connection is cut; the next one resumes by the last cursor. */
const rpc = (place: Place, { after, cuts, filter }: Ask, until?: Until) =>
  Effect.scoped(
    Effect.gen(function* () {
      const following = (url: string, from: object) =>
        Stream.unwrapScoped(
          Effect.map(
            RpcTransport.make({ url: `${url.replace("http", "ws")}/rpc`, webSocket: NodeWebSocket.open(place.token) }),
            (transport) => transport.follow({ ...filter, ...from })
          )
        )
      const known: Array<string> = []
      if (cuts.length > 0) {
        const proxy = yield* CuttingProxy.open(place.url, 400 + cuts[0]! * 8)
        const first = Stream.tap(following(proxy, cursorOf(place, after)), (frame) =>
          Effect.sync(() => void (frame._tag === "event" && known.push(line(frame.cursor, JSON.stringify(frame.event)))))
        )
        const whole = yield* Effect.either(frames(first, until))
        if (whole._tag === "Right") return whole.right
        if (whole.left._tag !== "Disconnected") return yield* whole.left
      }
      const last = known.at(-1)
      const rest = yield* frames(following(place.url, cursorOf(place, last === undefined ? after : offsetOf(last))), until)
      return [...known, ...rest]
    })
  )

/** `upTo`: the last event that it will receive; a filter without one receives nothing. */
const sse = (place: Place, { after, cuts, filter }: Ask, until: Until) =>
  Effect.gen(function* () {
    const history: Array<string> = []
    const url = `${place.url}/api/events?${namesOf(filter).slice(1)}`
    for (let n = 0; ; n++) {
      const last = history.at(-1)
      const from = cursorOf(place, last === undefined ? after : offsetOf(last))
      const { end, events, status } = yield* attach({
        url,
        token: place.token,
        until: (seen) => seen.some(({ data }) => until(data)),
        ...("after" in from ? { lastEventId: from.after } : {}),
        ...(n < cuts.length ? { cutAfterBytes: cuts[n]! } : {})
      })
      if (status !== 200) return yield* Effect.dieMessage(`SSE answered ${status}`)
      for (const { data, id } of events) {
        history.push(line(id, data))
        if (until(data)) return history
      }
      if (end === "closed") return history
    }
  })

/** Chained pages up to the head, or up to `until` by long-polls. The bytes of an event are cut out of the page; nothing is parsed for them. */
const pages = (place: Place, { after, filter, limit }: Ask, accept: "application/json" | "application/x-ndjson", until?: Until) =>
  Effect.gen(function* () {
    const history: Array<string> = []
    let from = after === undefined ? "since=0" : `after=${format(place.log.epoch, after)}`
    const head = yield* place.log.head
    for (;;) {
      const wait = until === undefined ? "" : "&wait=20"
      const answer = yield* place.call(`/api/events?${from}&limit=${limit}${wait}${namesOf(filter)}`, { headers: { accept } })
      if (answer.status !== 200) return yield* Effect.dieMessage(`a page answered ${answer.status}: ${answer.body}`)
      const found = accept === "application/json" ? elements(answer.body) : answer.body.split("\n").slice(0, -1)
      for (const json of found) history.push(line(format(place.log.epoch, offsetIn(json)), json))
      from = `after=${String(answer.headers["x-millrace-cursor"])}`
      const upTo = Number(answer.headers["x-millrace-last-idx"])
      if (until === undefined ? upTo >= head : history.some((one) => until(jsonOf(one)))) return history
    }
  })

/** Every event begins with its offset. */
const offsetIn = (json: string): number => Number(/^\{"offset":(\d+),/.exec(json)?.[1] ?? Number.NaN)

/** The texts of the elements of a JSON list. They are objects, so a comma outside of braces and strings separates them. */
const elements = (list: string): ReadonlyArray<string> => {
  const found: Array<string> = []
  let [depth, start, inText] = [0, 1, false]
  for (let n = 1; n < list.length - 1; n++) {
    const character = list[n]
    if (inText) {
      if (character === "\\") n++
      else if (character === '"') inText = false
    } else if (character === '"') inText = true
    else if (character === "{" || character === "[") depth++
    else if ((character === "}" || character === "]") && --depth === 0) {
      found.push(list.slice(start, n + 1))
      start = n + 2
    }
  }
  return found
}

/** The whole log as one response. */
const dump = (place: Place, accept: "application/json" | "application/x-ndjson") =>
  Effect.map(place.call("/api/events", { headers: { accept } }), ({ body }) =>
    (accept === "application/json" ? elements(body) : body.split("\n").slice(0, -1)).map((json) =>
      line(format(place.log.epoch, offsetIn(json)), json)
    )
  )

/** Every transport while the history is written, up to its last event. Each has the same events. */
export const live = (place: Place, filter: EventFilter) => {
  const ask: Ask = { filter, after: undefined, limit: 40, cuts: [] }
  return Effect.all(
    {
      "in process": inProcess(place, ask, isLast),
      SSE: sse(place, ask, isLast),
      RPC: rpc(place, ask, isLast),
      "long-poll": pages(place, ask, "application/json", isLast)
    },
    { concurrency: "unbounded" }
  )
}

/** Every transport from the cursor to the head. */
export const recorded = (place: Place, ask: Ask) =>
  Effect.gen(function* () {
    const own = yield* inProcess(place, ask)
    const end = own.at(-1)
    const until: Until = (json) => end !== undefined && json === jsonOf(end)
    return {
      "in process": own,
      SSE: end === undefined ? own : yield* sse(place, ask, until),
      RPC: yield* rpc(place, ask),
      "pages of JSON": yield* pages(place, ask, "application/json"),
      "pages of NDJSON": yield* pages(place, ask, "application/x-ndjson"),
      ...(ask.after === undefined && ask.filter.stream === undefined && ask.filter.types === undefined
        ? { "the whole log as JSON": yield* dump(place, "application/json"), NDJSON: yield* dump(place, "application/x-ndjson") }
        : {})
    }
  })
