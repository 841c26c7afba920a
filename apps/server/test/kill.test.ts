/** `kill -9` of the server in mid-turn: visible events stay, and the next start reports the true state. */
import { describe, expect, it } from "@effect/vitest"
import * as Client from "@millrace/client/Client"
import * as HttpTransport from "@millrace/client/HttpTransport"
import type { LogEvent } from "@millrace/contracts/Event"
import type { ThreadId } from "@millrace/contracts/Ids"
import { problems } from "@millrace/testing/LogChecks"
import { attach, type RawEvent } from "@millrace/testing/RawSse"
import { run } from "@millrace/testing/Program"
import { serve } from "@millrace/testing/ServerProcess"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, Random, Stream } from "effect"
import { readdirSync, readFileSync } from "node:fs"

const seed = 20261121

/** Processes of this machine whose environment contains this text. */
const processesWith = (text: string): ReadonlyArray<string> =>
  readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      return readFileSync(`/proc/${pid}/environ`, "utf8").includes(text)
    } catch {
      return false // gone, or not ours
    }
  })

const wholeLog = (url: string, token: string) =>
  Effect.promise(async () => {
    const response = await fetch(`${url}/api/events`, { headers: { authorization: `Bearer ${token}` } })
    return (await response.json()) as ReadonlyArray<LogEvent>
  })

describe("kill -9 of the server", () => {
  it.live(
    "L2 T2 T5 P1 in mid-turn, five times: no visible event is lost, each turn has one terminal, no agent process remains",
    () =>
      Effect.gen(function* () {
        const dataDir = yield* temporaryDirectory
        const marker = `millrace-kill-test-${process.pid}-${yield* Random.nextIntBetween(0, 1e9)}`
        const seen: Array<RawEvent> = []
        let threadId: ThreadId | undefined
        for (let round = 0; round < 5; round++) {
          yield* Effect.gen(function* () {
            // LC_ALL is on the agents' allow-list: it marks them for this test.
            const server = yield* serve({ dataDir, env: { LC_ALL: marker, MILLRACE_RECOVERY: "settle" } })
            const client = Client.make(HttpTransport.make(server))
            threadId ??= (yield* client.dispatch(yield* Client.command("thread.create", { provider: "demo", cwd: dataDir })))
              .threadId
            const before = yield* client.thread(threadId!)
            expect(before.status, `round ${round}: nothing runs after a start`).toBe("idle")
            yield* client.dispatch(
              yield* Client.command("turn.start", { threadId: threadId!, text: "[[think so]] [[deltas 100000 1]]" })
            )
            const last = seen.at(-1)
            const attached = yield* attach({
              url: `${server.url}/api/events`,
              token: server.token,
              ...(last === undefined ? {} : { lastEventId: last.id }),
              cutAfterBytes: yield* Random.nextIntBetween(4_000, 12_000)
            })
            seen.push(...attached.events)
            yield* server.kill("SIGKILL")
            yield* server.ended
          }).pipe(Effect.scoped)
        }
        const server = yield* serve({ dataDir, env: { LC_ALL: marker, MILLRACE_RECOVERY: "settle" } })
        const events = yield* wholeLog(server.url, server.token)
        const json = events.map((event) => JSON.stringify(event))
        expect(seen.length).toBeGreaterThan(25)
        expect(
          seen.map((event) => event.data),
          `seed ${seed}`
        ).toEqual(json.slice(0, seen.length))
        expect(problems(events, true)).toEqual([])
        const ends = events.filter((event) => event.type === "turn.interrupted")
        expect(ends).toHaveLength(5)
        expect(new Set(ends.map((event) => (event.data as { reason: string }).reason)).size).toBe(1)
        expect(processesWith(marker)).toEqual([String(server.pid)])
        yield* server.kill("SIGTERM")
        expect((yield* server.ended).code).toBe(0)
        expect(yield* run(["verify", "--data", dataDir])).toMatchObject({ code: 0 })
      }).pipe(Effect.scoped, Effect.withRandom(Random.make(seed)))
  )

  it.live("D2 C2 a client that follows across a kill and a restart of the server loses and repeats nothing", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryDirectory
      const port = yield* Effect.scoped(Effect.map(serve({ dataDir }), ({ url }) => new URL(url).port))
      const first = yield* Effect.gen(function* () {
        const server = yield* serve({ dataDir, port })
        const client = Client.make(HttpTransport.make(server))
        const command = yield* Client.command("thread.create", {
          provider: "demo",
          cwd: dataDir,
          turn: { text: "[[deltas 100000 20]]" }
        })
        const accepted = yield* client.dispatch(command)
        const follower = yield* client.follow({}).pipe(
          Stream.filter((frame) => frame._tag === "event"),
          Stream.takeUntil((frame) => frame.event.type === "turn.interrupted"),
          Stream.runCollect,
          Effect.fork
        )
        yield* attach({
          url: `${server.url}/api/events`,
          token: server.token,
          until: (events) => events.some(({ data }) => data.includes("item.delta"))
        })
        yield* server.kill("SIGKILL")
        yield* server.ended
        return { accepted, client, command, follower }
      })
      const again = yield* serve({ dataDir, port })
      const frames = [...(yield* first.follower)]
      const events = yield* wholeLog(again.url, again.token)
      expect(frames.map((frame) => frame.event)).toEqual(events.slice(0, frames.length))
      expect(yield* first.client.dispatch(first.command)).toEqual({ ...first.accepted, replayed: true })
    }).pipe(Effect.scoped)
  )
})
