/**
 * Rounds of `kill -9` while a request is open: after each restart the same request must be open, an answer must reach the agent once, and the command
 * that was approved must have run once. The agent is the demo agent as a child process.
 */
import type { LogEvent } from "@millrace/contracts/Event"
import { Effect, Random, type Scope } from "effect"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { serve, type ServerProcess } from "../ServerProcess.ts"
import { temporaryDirectory } from "../TemporaryDirectory.ts"

export interface Report {
  /** One sentence per violation; empty if all invariants held. */
  readonly violations: ReadonlyArray<string>
  readonly rounds: number
  /** Rounds in which the answer was given before the agent asked again. */
  readonly kept: number
}

const call = (server: ServerProcess, path: string, body?: object) =>
  Effect.promise(async () => {
    const response = await fetch(`${server.url}${path}`, {
      headers: { authorization: `Bearer ${server.token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) })
    })
    return (await response.json()) as unknown
  })

interface Open {
  readonly requestId: string
  readonly turnId: string
  readonly held?: true
}
const dataOf = (event: LogEvent) => event.data as { readonly requestId?: string; readonly answer?: unknown }
const eventsOf = (server: ServerProcess, threadId: string) =>
  call(server, `/api/events?stream=thread/${threadId}&since=0&limit=10000`) as Effect.Effect<ReadonlyArray<LogEvent>>

/** The first event of the thread that fits, now or later. */
const until = (server: ServerProcess, threadId: string, fits: (event: LogEvent) => boolean, since = 0): Effect.Effect<LogEvent> =>
  Effect.flatMap(
    Effect.promise(async () => {
      const path = `/api/events?stream=thread/${threadId}&since=${since}&wait=30`
      const response = await fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${server.token}` } })
      return [(await response.json()) as ReadonlyArray<LogEvent>, Number(response.headers.get("X-Millrace-Last-Idx"))] as const
    }),
    ([events, next]) => {
      const found = events.find(fits)
      return found === undefined ? until(server, threadId, fits, next) : Effect.succeed(found)
    }
  )

export const run = (options: {
  readonly rounds: number
  readonly seed: number
  readonly onRound?: (line: string) => void
}): Effect.Effect<Report, never, Scope.Scope> =>
  Effect.gen(function* () {
    const dataDir = yield* temporaryDirectory
    const violations: Array<string> = []
    let kept = 0
    for (let round = 1; round <= options.rounds; round++) {
      const report = (holds: boolean, what: string) => {
        if (!holds) violations.push(`round ${round}: ${what}`)
      }
      const recovery = (yield* Random.nextBoolean) ? "ask" : "resume"
      const file = join(dataDir, `ran-${round}`)
      const asked = yield* Effect.gen(function* () {
        const server = yield* Effect.orDie(serve({ dataDir }))
        const turn = { text: `[[run echo once >> '${file}']] [[say done]]` }
        const made = (yield* call(server, "/api/threads", { provider: "demo", cwd: dataDir, recovery, turn })) as {
          readonly threadId: string
        }
        const opened = yield* until(server, made.threadId, ({ type }) => type === "request.opened")
        yield* Effect.sleep(yield* Random.nextIntBetween(0, 100))
        yield* server.kill("SIGKILL")
        yield* server.ended
        return { threadId: made.threadId, requestId: dataOf(opened).requestId }
      }).pipe(Effect.scoped)
      yield* Effect.gen(function* () {
        const { requestId, threadId } = asked
        const server = yield* Effect.orDie(serve({ dataDir }))
        const all = (yield* call(server, "/api/requests")) as ReadonlyArray<Open>
        const open = all.find((one) => one.requestId === requestId)
        report(open !== undefined && all.length === 1, `open are ${JSON.stringify(all)}, and not only ${requestId}`)
        if (recovery === "ask") report(open?.held === true, "the request is not held")
        yield* Effect.sleep(yield* Random.nextIntBetween(0, recovery === "ask" ? 50 : 500))
        yield* call(server, `/api/requests/${requestId}/answer`, { decision: "accept" })
        yield* until(server, threadId, ({ type }) => type === "turn.completed")
        const events = (yield* eventsOf(server, threadId)).filter((event) => dataOf(event).requestId === requestId)
        const count = (type: string) => events.filter((event) => event.type === type).length
        const delivered = events.filter((event) => event.type === "request.repeated" && dataOf(event).answer !== undefined).length
        const ran = existsSync(file) ? readFileSync(file, "utf8") : ""
        kept += delivered
        report(count("request.opened") === 1 && count("request.answered") === 1, `settled ${JSON.stringify(events)}`)
        report(count("request.repeated") === 1, `repeated ${count("request.repeated")} times`)
        report(recovery === "resume" || delivered === 1, `the answer was delivered ${delivered} times`)
        report(ran === "once\n", `the command wrote ${JSON.stringify(ran)}`)
        const rest = (yield* call(server, "/api/requests")) as ReadonlyArray<Open>
        report(rest.length === 0, `still open are ${JSON.stringify(rest)}`)
        options.onRound?.(
          `round ${round}, ${recovery}: ${delivered === 1 ? "answered before" : "answered after"} the agent asked again`
        )
        yield* server.kill("SIGKILL")
        yield* server.ended
      }).pipe(Effect.scoped)
    }
    return { violations, rounds: options.rounds, kept }
  }).pipe(Effect.withRandom(Random.make(options.seed)))
