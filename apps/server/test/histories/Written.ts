/** Random histories: threads that talk, with deltas, large values, text of every kind, gaps in time, and threads that are deleted. Made from a seed. */
import type { StreamName } from "@millrace/contracts/Ids"
import type { Envelope, NewEvent } from "@millrace/log/EventLog"

/** Whole numbers from 0 to below the bound. */
export type Below = (bound: number) => number

export const pick = <A>(below: Below, from: ReadonlyArray<A>): A => from[below(from.length)] as A

const odd = [
  "",
  '"',
  "\\",
  "\n\ndata: 1\nid: 7",
  "\u2028\u2029",
  "😀",
  "é€ 水車",
  "\u0000\u007f",
  "\ud800",
  "e\u0301",
  "</script>",
  "word "
]
const types = ["item.delta", "item.delta", "item.delta", "item.started", "item.completed", "turn.requested", "turn.completed"]

/** Mostly short; sometimes longer than a segment's page, a frame's buffer or the chunk of a socket. */
const text = (below: Below): string => {
  const length = below(50) === 0 ? 5_000 + below(80_000) : below(120)
  let made = ""
  while (made.length < length) made += pick(below, odd).repeat(1 + below(8)) + String(below(1_000_000))
  return made
}

const data = (below: Below): unknown => {
  switch (below(6)) {
    case 0:
      return { n: below(2) === 0 ? below(1e9) / 7 : -below(1e15), flag: below(2) === 0, none: null, list: [[], {}, [1, "a"]] }
    case 1:
      return { itemId: `itm_${below(40)}`, kind: "agent-message", content: { [pick(below, odd)]: text(below) } }
    default:
      return { turnId: `trn_${below(9)}`, itemId: `itm_${below(40)}`, kind: "agent-message", text: text(below) }
  }
}

export interface Written {
  readonly streams: ReadonlyArray<StreamName>
  /** Next batches, with at least one event each. */
  readonly batches: (count: number) => ReadonlyArray<ReadonlyArray<Envelope>>
  /** Deletes the thread. Afterwards no reader may receive its text. */
  readonly deletion: (stream: string) => Envelope
  /** An event that ends a recording. */
  readonly last: () => Envelope
}

export const isLast = (json: string): boolean => json.includes('"isLast":true')

export const make = (below: Below): Written => {
  const threads = Array.from({ length: 2 + below(4) }, (_, n) => `thread/thr_${"abcdef"[n]}` as const)
  const streams: ReadonlyArray<StreamName> = [...threads, "server"]
  let now = Date.parse("2020-01-01T00:00:00.000Z")
  const event = (stream: string, type: string, value: unknown): NewEvent => {
    // Bursts, pauses of up to three weeks, and a clock that was set back.
    now += pick(below, [
      0,
      0,
      1,
      1 + below(5_000),
      60_000 * below(200),
      below(20) === 0 ? 86_400_000 * below(21) : 7,
      -below(900)
    ])
    return { stream, type, at: new Date(now).toISOString(), epoch: below(3), data: value }
  }
  const envelope = (): Envelope => {
    // A burst of one thread, or events of several.
    const stream = pick(below, streams)
    const count = 1 + below(below(8) === 0 ? 30 : 4)
    const list = Array.from({ length: count }, () =>
      event(below(5) === 0 ? pick(below, streams) : stream, stream === "server" ? "item.delta" : pick(below, types), data(below))
    )
    return { events: list, rows: [] }
  }
  return {
    streams,
    batches: (count) => Array.from({ length: count }, () => Array.from({ length: 1 + below(3) }, envelope)),
    deletion: (stream) => ({
      events: [event(stream, "thread.deleted", { threadId: stream.slice(7) })],
      rows: [],
      forget: [stream]
    }),
    last: () => ({ events: [event("server", "item.delta", { isLast: true })], rows: [] })
  }
}
