/** The seven cases of change 2133 of the project exo, for `GET /events` with `since`, `limit` and a last-index header. Over a real socket. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { event, start } from "../../test/support/Fixture.ts"

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

const five = Effect.gen(function* () {
  const { append, call } = yield* start()
  yield* append(...range(1, 5).map((n) => event(n)))
  return (query: string) =>
    Effect.map(call(`/api/events${query}`), ({ body, headers, status }) => ({
      status,
      last: headers["x-millrace-last-idx"],
      offsets: status === 200 ? (JSON.parse(body) as Array<{ offset: number }>).map(({ offset }) => offset) : []
    }))
})

describe("the seven cases of exo's change 2133", () => {
  for (const [name, query, expected] of [
    ["1 of 7: without parameters, the whole log", "", { status: 200, last: "5", offsets: range(1, 5) }],
    ["2 of 7: since and limit", "?since=1&limit=2", { status: 200, last: "3", offsets: [2, 3] }],
    ["3 of 7: since alone", "?since=3", { status: 200, last: "5", offsets: [4, 5] }],
    ["4 of 7: since beyond the count is empty, the header never smaller", "?since=9", { status: 200, last: "9", offsets: [] }],
    ["5 of 7: a limit above what remains is clamped", "?since=3&limit=100", { status: 200, last: "5", offsets: [4, 5] }],
    ["6 of 7: a negative since is refused", "?since=-1", { status: 400, last: undefined, offsets: [] }]
  ] as const)
    it.scopedLive(`D4 ${name}`, () =>
      Effect.gen(function* () {
        expect(yield* (yield* five)(query)).toEqual(expected)
      })
    )

  it.scopedLive("D4 7 of 7: chained reads by the header have no overlap and no gap", () =>
    Effect.gen(function* () {
      const read = yield* five
      const first = yield* read("?since=0&limit=3")
      const second = yield* read(`?since=${first.last}&limit=3`)
      expect([...first.offsets, ...second.offsets]).toEqual(range(1, 5))
    })
  )
})
