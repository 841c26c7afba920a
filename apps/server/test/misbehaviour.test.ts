/** Misbehaving agents as real processes behind a real server with short limits: each turn ends once, in time, and no process is left. */
import { expect, it } from "@effect/vitest"
import * as Client from "@millrace/client/Client"
import * as HttpTransport from "@millrace/client/HttpTransport"
import { isTerminal, type LogEvent } from "@millrace/contracts/Event"
import type { RequestId, ThreadId } from "@millrace/contracts/Ids"
import * as Processes from "@millrace/testing/killloop/Processes"
import * as Rows from "@millrace/testing/killloop/Rows"
import { problems } from "@millrace/testing/LogChecks"
import { run } from "@millrace/testing/Program"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, Fiber, Ref, Stream } from "effect"
import * as Hosted from "./support/Hosted.ts"

/**
 * A case shortens only the one limit (`model` or `tool`) that it tests: on a machine that pauses for a second, every agent is silent for a second.
 * An interrupt may take 500 ms. To stop, the demo adapter waits 2 s after the end of input and 2 s after SIGTERM, then sends SIGKILL.
 */
const limitsOf = (silence: Case["silence"]) => ({
  reaper: {
    model: silence === "model" ? "1 second" : "10 minutes",
    tool: silence === "tool" ? "1 second" : "10 minutes",
    background: "1500 millis",
    idle: "1 second",
    interval: "100 millis"
  } as const,
  dispatcher: { budgets: { interrupt: "500 millis", stop: "8 seconds" } } as const
})
/** The limits above add up to less than 15 s; four times that for a busy machine. */
const inTime = 60_000

interface Case {
  readonly prompt: string
  readonly ends: string
  /** The silence limit that ends the turn, if one does. */
  readonly silence: "model" | "tool" | "none"
  /** Matches the data of the turn's end. */
  readonly says: RegExp
  /** A person stops the session when an event of this type arrives. */
  readonly stopAt?: string
}

const cases: Readonly<Record<string, Case>> = {
  hang: {
    silence: "model",
    prompt: "[[say up]] [[hang]]",
    ends: "turn.interrupted",
    says: /the model produced no output for 1s/
  },
  "hang, stopped by a person": {
    silence: "none",
    prompt: "[[say up]] [[hang]]",
    ends: "turn.interrupted",
    says: /./,
    stopAt: "item.completed"
  },
  "exit 0": { silence: "none", prompt: "[[say up]] [[exit 0]]", ends: "turn.failed", says: /exited with code 0/ },
  "exit 3": { silence: "none", prompt: "[[say up]] [[exit 3]]", ends: "turn.failed", says: /exited with code 3/ },
  garbage: { silence: "none", prompt: "[[garbage]] [[say still here]]", ends: "turn.completed", says: /./ },
  flood: { silence: "none", prompt: "[[flood 100000000]]", ends: "turn.completed", says: /./ },
  background: { silence: "none", prompt: "[[background 60000]]", ends: "turn.completed", says: /./ },
  "a command that ignores TERM": {
    prompt: "[[run trap '' TERM INT HUP; echo up; while :; do sleep 1; done]]",
    ends: "turn.interrupted",
    silence: "tool",
    says: /a tool ran for 1s without output/
  },
  "a grandchild": {
    prompt: "[[run sh -c 'sleep 600 & echo up; sleep 600']]",
    ends: "turn.interrupted",
    silence: "tool",
    says: /a tool ran for 1s without output/
  },
  "a grandchild with a session of its own": {
    prompt: "[[run sh -c 'setsid sleep 600 & echo up; sleep 600']]",
    ends: "turn.interrupted",
    silence: "tool",
    says: /a tool ran for 1s without output/
  },
  "a grandchild of an agent that exits": {
    prompt: "[[run setsid sleep 600 > /dev/null 2>&1 & echo up]] [[exit 3]]",
    ends: "turn.failed",
    silence: "none",
    says: /exited with code 3/
  }
}

it.scopedLive(
  "T2 T7 T8 T11 P2 P4 P5 R5 hang, exit, garbage, flood, background, TERM ignored, grandchildren: each turn ends once and in time, other threads continue, no process remains",
  () =>
    Effect.gen(function* () {
      const dataDirs = { model: yield* temporaryDirectory, tool: yield* temporaryDirectory, none: yield* temporaryDirectory }
      const marker = `millrace-misbehaviour-${process.pid}`
      Object.assign(process.env, Processes.marked(marker, 0))

      const { flood, healthy } = yield* Effect.gen(function* () {
        const clientOf = (silence: Case["silence"]) =>
          Effect.map(Hosted.start({ dataDir: dataDirs[silence] }, undefined, limitsOf(silence)), (hosted) =>
            Client.make(HttpTransport.make(hosted))
          )
        const clients = { model: yield* clientOf("model"), tool: yield* clientOf("tool"), none: yield* clientOf("none") }
        const begin = (client: Client.Client, cwd: string, text: string) =>
          Effect.flatMap(Client.command("thread.create", { provider: "demo", cwd, turn: { text } }), client.dispatch)
        const follow = (client: Client.Client, threadId: ThreadId) =>
          client
            .follow({ stream: `thread/${threadId}` })
            .pipe(Stream.flatMap((frame) => (frame._tag === "event" ? Stream.make(frame.event) : Stream.empty)))

        /** The time from the command to the end of the session. */
        const play = (name: string, { ends, prompt, says, silence, stopAt }: Case) =>
          Effect.gen(function* () {
            const client = clients[silence]
            const accepted = yield* begin(client, dataDirs[silence], prompt)
            const threadId = accepted.threadId as ThreadId
            const events: ReadonlyArray<LogEvent> = yield* follow(client, threadId).pipe(
              Stream.tap((event) =>
                Effect.gen(function* () {
                  if (event.type === "request.opened") {
                    const { requestId } = event.data as { readonly requestId: RequestId }
                    yield* client.dispatch(yield* Client.command("request.answer", { requestId, decision: "accept" }))
                  } else if (event.type === stopAt) yield* client.dispatch(yield* Client.command("session.stop", { threadId }))
                })
              ),
              Stream.takeUntil(({ type }) => type === "session.stopped"),
              Stream.filter(({ type }) => type !== "item.delta"),
              Stream.runCollect,
              Effect.map((chunk) => [...chunk])
            )
            const terminals = events.filter(({ type }) => isTerminal(type))
            expect(
              terminals.map(({ type }) => type),
              name
            ).toEqual([ends])
            expect(JSON.stringify(terminals[0]?.data), name).toMatch(says)
            const [asked, over] = [events[0], terminals[0]].map((event) => Date.parse(event?.at ?? ""))
            // The flood's duration depends on the disk.
            if (name !== "flood") expect((over ?? Number.NaN) - (asked ?? 0), name).toBeLessThan(inTime)
            return events
          })

        const stop = yield* Ref.make(false)
        const healthy = yield* Effect.gen(function* () {
          const client = clients.none
          const { threadId } = yield* begin(client, dataDirs.none, "[[say ok]]")
          const ended: Array<number> = []
          yield* follow(client, threadId as ThreadId).pipe(
            Stream.filter(({ type }) => isTerminal(type)),
            Stream.tap(({ offset, type }) =>
              Effect.gen(function* () {
                expect(type).toBe("turn.completed")
                ended.push(offset)
                if (!(yield* Ref.get(stop)))
                  yield* client.dispatch(
                    yield* Client.command("turn.start", { threadId: threadId as ThreadId, text: "[[say ok]]" })
                  )
              })
            ),
            Stream.takeUntilEffect(() => Ref.get(stop)),
            Stream.runDrain
          )
          return ended
        }).pipe(Effect.fork)

        const played = yield* Effect.forEach(
          Object.entries(cases),
          ([name, one]) => Effect.map(play(name, one), (events) => [name, events] as const),
          { concurrency: "unbounded" }
        )
        yield* Ref.set(stop, true)
        const of = (name: string) => new Map(played).get(name) ?? []
        // P4: malformed lines are kept and do not end the session.
        expect(of("garbage").filter(({ type }) => type === "provider.event").length).toBeGreaterThanOrEqual(4)
        // R5: background work keeps the session as long as its silence limit allows.
        expect(JSON.stringify(of("background").at(-1)?.data)).toContain("background work was given up")
        return { flood: of("flood"), healthy: yield* Fiber.join(healthy) }
      }).pipe(Effect.scoped)

      // The healthy thread continued during the flood.
      const [first, last] = [flood[0]?.offset ?? 0, flood.find(({ type }) => isTerminal(type))?.offset ?? 0]
      expect(healthy.filter((offset) => offset > first && offset < last).length).toBeGreaterThan(0)
      expect(Processes.leftOf(marker, 1)).toEqual([])
      for (const dataDir of Object.values(dataDirs)) {
        const events = Rows.read(dataDir).map(({ json }) => JSON.parse(json) as LogEvent)
        expect(problems(events, true)).toEqual([])
        expect([...Rows.open(events).keys()]).toEqual([])
        expect(yield* run(["verify", "--data", dataDir])).toMatchObject({ code: 0 })
      }
    })
)
