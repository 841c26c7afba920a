/** Filters of thread lists and of reads of the log. */
import { expect, it } from "@effect/vitest"
import * as Filter from "@millrace/contracts/Filter"
import type { ProjectId, ThreadId } from "@millrace/contracts/Ids"
import type { ThreadStatus, ThreadView } from "@millrace/contracts/State"
import { EventLog } from "@millrace/log/EventLog"
import * as InProcess from "@millrace/testing/InProcess"
import * as EventLogMemory from "@millrace/log/EventLogMemory"
import { Effect, FastCheck as fc, Layer, Stream } from "effect"
import * as FilteredRead from "../streams/FilteredRead.ts"
import * as Views from "./Views.ts"

const at = "2026-11-20T09:00:00.000Z"
const layer = Views.layer.pipe(Layer.provideMerge(Layer.effect(EventLog, Effect.orDie(EventLogMemory.make()))))

const statuses: ReadonlyArray<ThreadStatus> = ["idle", "failed", "needs-you"]
const thread = (n: number): ThreadView => {
  const part: Partial<ThreadView> = {
    threadId: `thr_${n}` as ThreadId,
    projectId: `prj_${n % 4}` as ProjectId,
    title: `Thread ${n}`,
    provider: n % 2 === 0 ? "demo" : "codex",
    status: statuses[n % 3] ?? "idle",
    ...(n % 50 === 0 ? { labels: ["nightly", `of ${n}`] } : {})
  }
  return part as ThreadView
}

const fill = (count: number) =>
  Effect.flatMap(EventLog, (log) =>
    log.append(
      Array.from({ length: count }, (_, n) => ({
        events: [{ stream: `thread/thr_${n}`, type: "thread.created", at, epoch: 0, data: {} }],
        rows: [
          {
            op: "put" as const,
            collection: "thread",
            key: `thr_${n}`,
            parent: `prj_${n % 4}`,
            event: 0,
            rank: "bump" as const,
            value: thread(n)
          }
        ]
      }))
    )
  )

const all = (filter: Filter.ThreadFilter, limit: number) =>
  Effect.gen(function* () {
    const views = yield* Views.Views
    const found: Array<string> = []
    let pages = 0
    let before: number | undefined
    do {
      const page = yield* views.threads({ ...filter, limit, ...(before === undefined ? {} : { before }) })
      expect(page.items.length).toBeLessThanOrEqual(limit)
      found.push(...page.items.map(({ threadId }) => threadId))
      before = page.before
      pages++
    } while (before !== undefined)
    return { found, pages }
  })

it.effect("D10 each filter, and all together, page to the same threads as a filter over the full list", () =>
  Effect.gen(function* () {
    yield* fill(2500)
    const threads = Array.from({ length: 2500 }, (_, n) => thread(n)).toReversed()
    const filters: ReadonlyArray<Filter.ThreadFilter> = [
      {},
      { status: "failed" },
      { provider: "codex" },
      { project: "prj_3" as ProjectId },
      { label: "nightly" },
      { label: "of 100" },
      { label: "night" },
      { provider: "nobody" },
      { status: "needs-you", provider: "demo", project: "prj_2" as ProjectId, search: "thread 1" },
      { project: "prj_9" as ProjectId, status: "idle" }
    ]
    for (const filter of filters) {
      const wanted = threads.filter(
        (one) =>
          (filter.status === undefined || one.status === filter.status) &&
          (filter.provider === undefined || one.provider === filter.provider) &&
          (filter.project === undefined || one.projectId === filter.project) &&
          (filter.label === undefined || one.labels?.includes(filter.label) === true) &&
          (filter.search === undefined || one.title.toLowerCase().includes("1"))
      )
      for (const limit of [150, 500]) expect((yield* all(filter, limit)).found).toEqual(wanted.map(({ threadId }) => threadId))
    }
    // A page scans 2,000 threads: if few of them match, it is short and has a next page.
    expect((yield* all({ label: "of 100" }, 500)).pages).toBe(2)
  }).pipe(Effect.provide(layer))
)

const streams = ["thread/thr_a", "thread/thr_b", "project/prj_a"] as const
const types = ["turn.requested", "turn.completed", "item.delta", "thread.updated"] as const

const log = (events: ReadonlyArray<readonly [stream: number, type: number]>) =>
  Effect.tap(Effect.orDie(EventLogMemory.make()), (log) =>
    log.append(
      events.map(([stream, type]) => ({
        events: [{ stream: streams[stream] ?? "", type: types[type] ?? "", at, epoch: 0, data: { text: "x".repeat(50) } }],
        rows: []
      }))
    )
  )

const event = fc.tuple(fc.nat(2), fc.nat(3))
const filter = fc.record({
  stream: fc.constantFrom(undefined, streams[0], [streams[1]], [streams[0], streams[2]]),
  types: fc.constantFrom(undefined, ["turn.*"], ["turn.completed", "thread.updated"], ["*"], ["session.*"])
})

it("D4 pages under any filter hold all of its events once, in order, and count the offsets in between", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(event, { maxLength: 60 }),
      filter,
      fc.integer({ min: 1, max: 9 }),
      async (events, filter, limit) => {
        const wanted = Filter.accepts(filter)
        await Effect.gen(function* () {
          const written = yield* log(events)
          const expected = (yield* written.read({ after: 0 })).events.filter(wanted).map(({ offset }) => offset)
          const found: Array<number> = []
          for (let after = 0; after < events.length;) {
            const page = yield* FilteredRead.read(written, filter, { after, limit, maxBytes: 700 })
            expect(page.events.length).toBeLessThanOrEqual(limit)
            expect(page.upTo).toBeGreaterThan(after)
            for (const { offset } of page.events) expect(offset > after && offset <= page.upTo).toBe(true)
            found.push(...page.events.map(({ offset }) => offset))
            after = page.upTo
          }
          expect(found).toEqual(expected)
          const frames = yield* InProcess.follow(written, filter).pipe(
            Stream.takeUntil(({ _tag }) => _tag === "caught-up"),
            Stream.runCollect
          )
          expect(Array.from(frames).flatMap((frame) => (frame._tag === "event" ? [frame.event.offset] : []))).toEqual(expected)
        }).pipe(Effect.runPromise)
      }
    ),
    { numRuns: 60, seed: 6 }
  ))

it.effect("L6 an event that cannot be read is delivered whatever types are requested", () =>
  Effect.sync(() => {
    const wanted = Filter.accepts({ stream: "thread/thr_a", types: ["turn.*"] })
    expect(wanted({ stream: "thread/thr_a", type: "log.corrupt" })).toBe(true)
    expect(wanted({ stream: "thread/thr_b", type: "log.corrupt" })).toBe(false)
    expect(wanted({ stream: "thread/thr_a", type: "turns.x" })).toBe(false)
    expect(Filter.filterKey({ stream: ["thread/thr_a"] })).toBe(Filter.filterKey({ stream: "thread/thr_a" }))
    expect(Filter.filterKey({})).toBeUndefined()
  })
)
