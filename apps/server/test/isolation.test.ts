/** The cost of slow readers for the others, over real sockets: only the work for their own bytes (D7). */
import { get, type IncomingMessage } from "node:http"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { performance } from "node:perf_hooks"
import { expect, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { event, type Fixture, start } from "./support/Fixture.ts"

setFlagsFromString("--expose-gc")
const collectGarbage = runInNewContext("gc") as () => void

/** Bytes in use after a garbage collection. */
const held = () => {
  collectGarbage()
  collectGarbage()
  const { external, heapUsed } = process.memoryUsage()
  return heapUsed + external
}

interface Reader {
  /** Returns when everything up to the offset has arrived, each offset once and in order. */
  readonly reached: (offset: number) => Effect.Effect<void, string>
  /** Reads the available bytes; slow and frozen readers read only this way. */
  readonly take: Effect.Effect<void>
  /** After this call the reader reads continuously. */
  readonly thaw: Effect.Effect<void>
  readonly last: () => number
}

/** `eager` readers read continuously; the others read one chunk on demand. */
const open = ({ token, url }: Fixture, eager: boolean): Effect.Effect<Reader, Error, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<IncomingMessage, Error>((resume) => {
        const headers = { accept: "text/event-stream", authorization: `Bearer ${token}` }
        const sent = get(`${url}/api/events?since=0`, { agent: false, headers }, (response) => resume(Effect.succeed(response)))
        sent.on("error", (error) => resume(Effect.fail(error)))
      }),
      (response) => Effect.sync(() => response.destroy())
    ),
    (response) => {
      let free = eager
      let last = 0
      let wrong: string | undefined
      let rest = ""
      let changed = () => {}
      const on = (chunk: Buffer) => {
        if (!free) response.pause()
        const text = rest + chunk.toString("latin1")
        const end = text.lastIndexOf("\n\n")
        for (let at = text.indexOf("id: "); at >= 0 && at < end; at = text.indexOf("\nid: ", at + 1)) {
          const from = text.indexOf("-", at) + 1
          const offset = Number(text.slice(from, text.indexOf("\n", from)))
          if (offset !== last + 1) wrong ??= `${offset} came after ${last}`
          last = offset
        }
        rest = text.slice(end)
        changed()
      }
      response.on("data", on)
      if (!eager) response.pause()
      return {
        reached: (offset) =>
          Effect.async((resume) => {
            changed = () => {
              if (wrong !== undefined) resume(Effect.fail(wrong))
              else if (last >= offset) resume(Effect.void)
            }
            changed()
          }),
        take: Effect.sync(() => void response.resume()),
        thaw: Effect.sync(() => {
          free = true
          response.resume()
        }),
        last: () => last
      }
    }
  )

const total = 100_000
const rounds = 10
const batch = 250
const pad = "x".repeat(200)
const events = Array.from({ length: batch }, (_, n) => event(n, "thread/thr_a", { pad }))

const median = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

it.scopedLive(
  "D7 with frozen and slow readers connected, nine fast ones take less than twice as long; a frozen one uses at most 8 MiB and gets everything in the end",
  () =>
    Effect.gen(function* () {
      // Two servers alternate, so that other load of the machine affects both.
      const alone = yield* start({ lease: "1 hour" })
      const beside = yield* start({ lease: "1 hour" })
      const fastOf = (fixture: Fixture) => Effect.replicateEffect(open(fixture, true), 9)
      const [fastAlone, fastBeside] = [yield* fastOf(alone), yield* fastOf(beside)]
      const slow = yield* open(beside, false)
      const frozen = yield* Effect.replicateEffect(open(beside, false), 4)
      let written = 0

      /** Milliseconds until the fast readers have everything written so far. */
      const round = (fixture: Fixture, fast: ReadonlyArray<Reader>, upTo: number, each: Effect.Effect<void>) =>
        Effect.gen(function* () {
          const began = performance.now()
          for (let n = written; n < upTo; n += batch) yield* Effect.zipRight(fixture.append(...events), each)
          yield* Effect.forEach(fast, (reader) => reader.reached(upTo), { concurrency: "unbounded", discard: true })
          return performance.now() - began
        })
      const ratios: Array<number> = []
      for (let n = 1; n <= rounds; n++) {
        const upTo = (total / rounds) * n
        // Alternates which one is first.
        const turns = [round(alone, fastAlone, upTo, Effect.void), round(beside, fastBeside, upTo, slow.take)] as const
        const first = yield* turns[n % 2 === 0 ? 0 : 1]
        const second = yield* turns[n % 2 === 0 ? 1 : 0]
        ratios.push(n % 2 === 0 ? second / first : first / second)
        written = upTo
      }
      expect(median(ratios), `beside / alone, round by round: ${ratios.map((one) => one.toFixed(2)).join(" ")}`).toBeLessThan(2)

      expect(slow.last()).toBeLessThan(total)
      expect([slow.last() > 0, ...frozen.map((one) => one.last())]).toEqual([true, 0, 0, 0, 0])
      yield* slow.thaw
      yield* slow.reached(total)
      // The frozen readers share pages; unread bytes are counted once per reader.
      const [, unread] = /^millrace_unread_bytes (\d+)$/m.exec((yield* beside.call("/metrics")).body) ?? []
      expect(Number(unread)).toBeLessThan(frozen.length * 1024 * 1024)
      const whileFrozen = held()
      yield* Effect.forEach(frozen, (one) => Effect.zipRight(one.thaw, one.reached(total)))
      expect(whileFrozen - held()).toBeLessThan(frozen.length * 8 * 1024 * 1024)
    })
)
