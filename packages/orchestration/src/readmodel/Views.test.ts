/** Search of stored threads by title, at a bounded cost whatever their number. */
import { expect, it } from "@effect/vitest"
import type { ThreadId } from "@millrace/contracts/Ids"
import type { PageOf } from "@millrace/contracts/Millrace"
import type { ThreadView } from "@millrace/contracts/State"
import { EventLog } from "@millrace/log/EventLog"
import * as EventLogMemory from "@millrace/log/EventLogMemory"
import { Effect, Layer } from "effect"
import * as Views from "./Views.ts"

const titleOf = (n: number) => (n % 1000 === 7 ? `Mend the Parser of file ${n}` : `Something else ${n}`)

/** Creates threads, of which each thousandth has `parser` in its title. */
const fill = (count: number) =>
  Effect.flatMap(EventLog, (log) =>
    log.append(
      Array.from({ length: count }, (_, n) => ({
        events: [{ stream: `thread/thr_${n}`, type: "thread.created", at: "2026-11-20T09:00:00.000Z", epoch: 0, data: {} }],
        rows: [
          {
            op: "put" as const,
            collection: "thread",
            key: `thr_${n}`,
            parent: "",
            event: 0,
            rank: "bump" as const,
            value: { threadId: `thr_${n}` as ThreadId, title: titleOf(n) } as ThreadView
          }
        ]
      }))
    )
  )

const found = (search: string) =>
  Effect.gen(function* () {
    const views = yield* Views.Views
    const titles: Array<string> = []
    const pages: Array<number> = []
    let before: number | undefined
    do {
      const page = yield* views.threads({ search, ...(before === undefined ? {} : { before }) })
      titles.push(...page.items.map(({ title }) => title))
      pages.push(page.items.length)
      before = page.before
    } while (before !== undefined)
    return { titles, pages }
  })

it.effect("D10 a search scans 2,000 threads per page, continues, and finds each thread once, newest first", () =>
  Effect.gen(function* () {
    yield* fill(4500)
    const views = yield* Views.Views
    const all = [4007, 3007, 2007, 1007, 7].map(titleOf)
    expect(yield* found("parser")).toEqual({ titles: all, pages: [2, 2, 1] })
    expect((yield* found("  FILE mend\tparser ")).titles).toEqual(all)
    expect(yield* found("nothing like this")).toEqual({ titles: [], pages: [0, 0, 0] })
    const first = yield* views.threads({ search: "parser", limit: 1 })
    expect(first.items.map(({ title }) => title)).toEqual([titleOf(4007)])
    const { items } = yield* views.threads({ search: "parser", limit: 1, before: first.before ?? 0 })
    expect(items.map(({ title }) => title)).toEqual([titleOf(3007)])
    // Many matches in a row: a page ends at its last one.
    const near = yield* views.threads({ search: "else", limit: 3 })
    const next = yield* views.threads({ search: "else", limit: 1, before: near.before ?? 0 })
    expect([...near.items, ...next.items].map(({ title }) => title)).toEqual([4499, 4498, 4497, 4496].map(titleOf))
    // A search of blanks has no condition.
    expect((yield* views.threads({ search: " " })).items.length).toBe(100)
  }).pipe(Effect.provide(Layer.provideMerge(Views.layer, EventLogMemory.layer())))
)

/** Fills one collection with rows of the given size. */
const fillRows = (collection: string, parent: string, count: number, bytes: number) =>
  Effect.flatMap(EventLog, (log) =>
    log.append(
      Array.from({ length: count }, (_, n) => ({
        events: [{ stream: "thread/thr_a", type: "item.completed", at: "2026-11-20T09:00:00.000Z", epoch: 0, data: {} }],
        rows: [
          {
            op: "put" as const,
            collection,
            key: `${collection}_${n}`,
            parent,
            event: 0,
            rank: "bump" as const,
            value: { n, status: "completed", pad: "x".repeat(bytes) }
          }
        ]
      }))
    )
  )

it.effect("D10 a page that ends at its byte budget has a next page, and the pages together are all rows, once", () =>
  Effect.gen(function* () {
    const views = yield* Views.Views
    yield* fillRows("thread", "", 100, 100_000)
    yield* fillRows("item", "thread_1", 100, 100_000)
    const all = <A>(read: (before: number | undefined) => Effect.Effect<PageOf<A>, unknown>) =>
      Effect.gen(function* () {
        const pages: Array<ReadonlyArray<A>> = []
        for (let before: number | undefined; ;) {
          const page = yield* read(before)
          pages.push(page.items)
          if (page.before === undefined) return pages
          before = page.before
        }
      })
    const from = (before: number | undefined) => ({ limit: 500, ...(before === undefined ? {} : { before }) })
    const threads = yield* all((before) => views.threads(from(before)))
    const items = yield* all((before) => views.items("thread_1" as ThreadId, from(before)))
    for (const pages of [threads, items]) {
      expect(pages.length).toBeGreaterThan(2)
      for (const page of pages) expect(JSON.stringify(page).length).toBeLessThan(4.1 * 1024 * 1024)
      expect((pages.flat() as unknown as ReadonlyArray<{ n: number }>).map(({ n }) => n)).toEqual(
        Array.from({ length: 100 }, (_, n) => 99 - n)
      )
    }
    // The snapshot is cut at its budget of 8 MiB, before its maximum of threads.
    const snapshot = yield* views.state
    expect(snapshot.threads.length).toBeLessThan(100)
    expect(snapshot.more).toBe(true)
  }).pipe(Effect.provide(Layer.provideMerge(Views.layer, EventLogMemory.layer())))
)
