/** Random orders of appends, pages, stale heads and stops against a reader of the log; and planted mistakes that the same check must find. */
import { accepts, type EventFilter, streamsOf } from "@millrace/contracts/Filter"
import type { LogEpoch } from "@millrace/contracts/Cursor"
import type { Page, StoredEvent } from "@millrace/log/EventLog"
import { findsEach } from "@millrace/testing/MutantRunner"
import { FastCheck as fc } from "effect"
import { expect, it } from "vitest"
import { LogReader, type Stop } from "./LogReader.ts"

const streams = ["thread/thr_a", "thread/thr_b", "project/prj_a"] as const
const types = ["item.delta", "turn.completed", "thread.updated"] as const

type Seen =
  | { readonly tag: "event"; readonly offset: number }
  | { readonly tag: "caught-up" | "bye" | "end" | "rest"; readonly at: number; readonly replayed?: number }

interface Run {
  readonly filter: EventFilter
  readonly after: number
  /** Head at the attach, and all events of the log at the end. */
  readonly attached: number
  readonly log: ReadonlyArray<StoredEvent>
  readonly seen: ReadonlyArray<Seen>
  /** Whether the reader ended at the head, and not by an earlier stop. */
  readonly drained: boolean
}

const run = fc.record({
  filter: fc.record({
    stream: fc.constantFrom(undefined, streams[0], [streams[1]], [streams[0], streams[2]]),
    types: fc.constantFrom(undefined, undefined, ["turn.*"], ["item.delta", "thread.updated"])
  }),
  before: fc.array(fc.tuple(fc.nat(2), fc.nat(3)), { maxLength: 12 }),
  after: fc.nat(12),
  steps: fc.array(
    fc.oneof(
      fc.record({
        do: fc.constant("append" as const),
        events: fc.array(fc.tuple(fc.nat(2), fc.nat(3)), { minLength: 1, maxLength: 4 })
      }),
      fc.record({ do: fc.constant("pull" as const), limit: fc.integer({ min: 1, max: 6 }), stale: fc.nat(3) })
    ),
    { maxLength: 40 }
  ),
  stop: fc.record({ at: fc.nat(60), when: fc.constantFrom("now" as const, "soon" as const, "head" as const) })
})
type Input = typeof run extends fc.Arbitrary<infer A> ? A : never

const play = (input: Input, make: (...args: ConstructorParameters<typeof LogReader>) => LogReader): Run => {
  const log: Array<StoredEvent> = []
  const deleted = new Set<string>()
  const append = ([stream, type]: readonly [number, number]) => {
    const name = streams[stream] ?? streams[0]
    if (deleted.has(name)) return
    const known = types[type]
    if (known === undefined) deleted.add(name)
    log.push({ offset: log.length + 1, stream: name, type: known ?? `${name.split("/")[0]}.deleted`, json: "{}" })
  }
  input.before.forEach(append)
  const attached = log.length
  const after = Math.min(input.after, attached)
  const followed = streamsOf(input.filter)
  const live = followed === undefined ? undefined : new Set<string>(followed.filter((name) => !deleted.has(name)))
  const position = { logEpoch: "epoch" as LogEpoch, head: attached, retained: 0 }
  const reader = make(input.filter, { position, requests: 0, live }, after)
  const seen: Array<Seen> = []
  const read = (limit: number): Page => {
    const from = reader.position
    const mine = log.filter(({ offset, stream }) => offset > from && (reader.query.stream ?? stream) === stream)
    const events = mine.slice(0, limit)
    return {
      after: from,
      upTo: mine.length > limit ? (events.at(-1)?.offset ?? from) : log.length,
      head: log.length,
      events,
      generation: 0
    }
  }
  const pull = (limit: number, head: number, stop: Stop | undefined) => {
    const next = reader.next(head, stop)
    if (next._tag === "read") for (const { offset } of reader.take(read(limit)).events) seen.push({ tag: "event", offset })
    else if (next._tag === "caught-up") seen.push({ tag: "caught-up", at: reader.position, replayed: next.replayed })
    else if (next._tag === "bye") seen.push({ tag: "bye", at: next.resumeAfter })
    else if (next._tag !== "ended") seen.push({ tag: next._tag, at: reader.position })
    return next._tag
  }
  for (const [n, step] of input.steps.entries()) {
    if (step.do === "append") step.events.forEach(append)
    else
      pull(
        step.limit,
        Math.max(0, log.length - step.stale),
        n >= input.stop.at ? { reason: "", when: input.stop.when } : undefined
      )
  }
  const drained = !reader.isEnded
  // Delivers to the head, then ends, like a server that drains.
  for (let left = 200, tag = ""; tag !== "ended" && left > 0; left--) tag = pull(3, log.length, { reason: "", when: "head" })
  return { filter: input.filter, after, attached, log, seen, drained }
}

/** Throws at the first promise that is not kept. */
const check = ({ after, attached, drained, filter, log, seen }: Run) => {
  const wanted = accepts(filter)
  const offsets = seen.flatMap((one) => (one.tag === "event" ? [one.offset] : []))
  const last = seen.at(-1)
  if (last === undefined || (last.tag !== "bye" && last.tag !== "end")) throw new Error(`the last frame is ${last?.tag}`)
  expect(seen.filter(({ tag }) => tag === "bye" || tag === "end")).toHaveLength(1)
  const due = log.filter((event) => event.offset > after && event.offset <= last.at && wanted(event)).map(({ offset }) => offset)
  expect(offsets).toEqual(due)
  const caughtUp = seen.filter(({ tag }) => tag === "caught-up")
  expect(caughtUp.length).toBeLessThanOrEqual(1)
  if (last.tag === "end" || seen.some((one) => one.tag === "rest" || (one.tag === "event" && one.offset > attached)))
    expect(caughtUp).toHaveLength(1)
  if (caughtUp[0] !== undefined) {
    const at = seen.indexOf(caughtUp[0])
    const replayed = due.filter((offset) => offset <= attached)
    expect(seen.slice(0, at).flatMap((one) => (one.tag === "event" ? [one.offset] : []))).toEqual(replayed)
    expect(caughtUp[0]).toMatchObject({ replayed: replayed.length })
  }
  const followed = streamsOf(filter)
  const gone = new Set(log.filter(({ type }) => type.endsWith(".deleted")).map(({ stream }) => stream))
  const isGone = followed?.every((name) => gone.has(name)) === true
  if (last.tag === "end" || (drained && isGone)) expect([last.tag, isGone]).toEqual(["end", true])
}

const options = { numRuns: 2_000, seed: 14 }

it("D2 D6 D13 S3 whatever the order: every event once, caught-up once between the past and the rest, end or bye once and last", () => {
  fc.assert(
    fc.property(run, (input) => check(play(input, (...args) => new LogReader(...args)))),
    options
  )
})

it("D2 the runs reach every kind of frame, with pages across the head of the attach and heads that are stale", () => {
  const tags = new Map<string, number>()
  for (const input of fc.sample(run, options))
    for (const { tag } of play(input, (...args) => new LogReader(...args)).seen) tags.set(tag, (tags.get(tag) ?? 0) + 1)
  for (const tag of ["event", "caught-up", "rest", "bye", "end"]) expect([tag, (tags.get(tag) ?? 0) > 100]).toEqual([tag, true])
})

class Uncut extends LogReader {
  override part(page: Page): Page {
    return { ...page, events: page.events }
  }
}
class ForgetsDeletions extends LogReader {
  override moveTo(offset: number, delivered: number): void {
    super.moveTo(offset, delivered, [])
  }
}
class CountsAll extends LogReader {
  override take(page: Page): Page {
    const part = this.part(page)
    this.moveTo(part.upTo, page.events.length, page.events)
    return part
  }
}
class MovesToTheHead extends LogReader {
  override take(page: Page): Page {
    const part = this.part(page)
    this.moveTo(page.head, part.events.length, page.events)
    return part
  }
}
class RepeatsTheEnd extends LogReader {
  override get isEnded() {
    return false
  }
  override next(head: number, stop?: Stop) {
    const next = super.next(head, stop)
    return next._tag === "ended" ? ({ _tag: "bye", reason: "", resumeAfter: this.position } as const) : next
  }
}

findsEach(
  [Uncut, ForgetsDeletions, CountsAll, MovesToTheHead, RepeatsTheEnd].map((Mistaken) => ({
    name: Mistaken.name,
    promise: "D2 D6 S3",
    Mistaken
  })),
  ({ Mistaken, name }) => {
    const found = fc.check(
      fc.property(run, (input) => check(play(input, (...args) => new Mistaken(...args)))),
      options
    )
    return found.failed ? [name] : []
  }
)
