/**
 * SIGKILL at each point that matters to subscribers: around a commit, between the deliveries to two readers, and after each stage of the shutdown (case 28).
 * One data directory, one server after the other. The kill loop does this at random times, with all other work running.
 */
import { expect, it } from "@effect/vitest"
import type { LogEvent } from "@millrace/contracts/Event"
import { isTerminal } from "@millrace/contracts/Event"
import { points } from "@millrace/host/FailPoints"
import { problems } from "@millrace/testing/LogChecks"
import { run } from "@millrace/testing/Program"
import type { RawEvent } from "@millrace/testing/RawSse"
import { serve, type ServerProcess } from "@millrace/testing/ServerProcess"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import { type Live, live, send } from "./support/Fixture.ts"
import { framesOf, linesOf } from "./support/Frames.ts"

const shutdownPoints = points.filter((point) => point.startsWith("shutdown-"))
/** The 40th commit of a server is in the middle of its turn. */
const rounds = ["before-commit:40", "after-commit-before-answer:40", "between two readers", ...shutdownPoints]

const bearer = ({ token }: ServerProcess) => ({ authorization: `Bearer ${token}` })
const wholeLog = (server: ServerProcess) =>
  Effect.map(send(`${server.url}/api/events`, { headers: { accept: "application/x-ndjson", ...bearer(server) } }), ({ body }) =>
    linesOf(body)
  )
const attach = (server: ServerProcess, seen: ReadonlyArray<RawEvent>) =>
  live(`${server.url}/api/events`, {
    accept: "text/event-stream",
    ...bearer(server),
    ...(seen.length === 0 ? {} : { "last-event-id": seen.at(-1)!.id })
  })

it.live(
  `L2 D2 T2 T5 S3 case 28: killed at ${rounds.length} points, each start settles all open work once; two readers have the log, once, in order`,
  () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryDirectory
      const histories: readonly [Array<RawEvent>, Array<RawEvent>] = [[], []]
      const keep = (at: 0 | 1, { text }: Live) => histories[at].push(...framesOf(text()).events)

      for (const point of rounds)
        yield* Effect.gen(function* () {
          const env = { MILLRACE_RECOVERY: "settle", ...(point === "between two readers" ? {} : { MILLRACE_FAILPOINT: point }) }
          const server = yield* serve({ dataDir, env })
          const open = (yield* wholeLog(server)).map((json) => JSON.parse(json) as LogEvent)
          expect(problems(open, true), `after the death before ${point}`).toEqual([])
          const [first, second] = [yield* attach(server, histories[0]), yield* attach(server, histories[1])]
          yield* send(`${server.url}/api/threads`, {
            headers: bearer(server),
            body: JSON.stringify({ provider: "demo", cwd: dataDir, turn: { text: `[[think of ${point}]] [[deltas 100000 10]]` } })
          }).pipe(Effect.either)
          if (point === "between two readers") {
            // One reader keeps the event. The other drops it, as if it had not been delivered.
            yield* first.until('"type":"item.delta"')
            yield* second.cut
            yield* server.kill("SIGKILL")
          } else if (point.startsWith("shutdown-")) {
            yield* first.until('"type":"item.delta"')
            yield* send(`${server.url}/api/shutdown`, { headers: bearer(server), body: '{"mode":"now","deadlineMs":5000}' }).pipe(
              Effect.either
            )
          }
          expect((yield* server.ended).signal, point).toBe("SIGKILL")
          yield* first.ended
          keep(0, first)
          if (point === "between two readers") return
          yield* second.ended
          keep(1, second)
        }).pipe(Effect.scoped)

      const server = yield* serve({ dataDir, env: { MILLRACE_RECOVERY: "settle" } })
      for (const at of [0, 1] as const) {
        const reader = yield* attach(server, histories[at])
        yield* reader.until("event: caught-up")
        keep(at, reader)
      }
      const log = yield* wholeLog(server)
      for (const history of histories) expect(history.map(({ data }) => data)).toEqual(log)
      const events = log.map((json) => JSON.parse(json) as LogEvent)
      expect(problems(events, true)).toEqual([])
      const turns = events.filter(({ type }) => type === "turn.requested").length
      expect(events.filter(({ type }) => isTerminal(type))).toHaveLength(turns)
      // The command of a round that died before its commit may be missing.
      expect(turns).toBeGreaterThanOrEqual(rounds.length - 1)
      yield* server.kill("SIGTERM")
      expect(yield* server.ended).toMatchObject({ code: 0 })
      expect(yield* run(["verify", "--data", dataDir])).toMatchObject({ code: 0 })
    }).pipe(Effect.scoped)
)
