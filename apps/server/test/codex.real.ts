/** The whole program with the real Codex binary and a scripted model: each turn ends once, and nothing visible is lost. Run by `pnpm test:real`. */
import { describe, expect, it } from "@effect/vitest"
import * as Client from "@millrace/client/Client"
import * as HttpTransport from "@millrace/client/HttpTransport"
import { isTerminal, type LogEvent } from "@millrace/contracts/Event"
import { RequestId, type ThreadId } from "@millrace/contracts/Ids"
import { codexBin, makeCodexHome } from "@millrace/testing/CodexHome"
import { problems } from "@millrace/testing/LogChecks"
import * as ModelEndpoint from "@millrace/testing/ModelEndpoint"
import { run } from "@millrace/testing/Program"
import { serve } from "@millrace/testing/ServerProcess"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, Stream } from "effect"
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import build from "./bundle.ts"

build()

interface Data {
  readonly turnId?: string
  readonly kind?: string
  readonly text?: string
  readonly output?: string
  readonly status?: string
  readonly reason?: string
  readonly requestId?: string
  readonly continuity?: string
}
const data = (event: LogEvent) => event.data as Data

/** A server on one data directory that can be killed and started again, with one client that follows across all its restarts. */
const makeWorld = Effect.gen(function* () {
  const endpoint = yield* ModelEndpoint.make
  const home = yield* makeCodexHome(endpoint)
  const dataDir = yield* temporaryDirectory
  const env = { MILLRACE_CODEX_BIN: yield* codexBin, CODEX_HOME: home.codexHome, HOME: home.home }
  const start = Effect.gen(function* () {
    const server = yield* serve({ dataDir, env })
    return { ...server, client: Client.make(HttpTransport.make(server)) }
  })
  return { home, dataDir, start, env }
})

type Server = Effect.Effect.Success<Effect.Effect.Success<typeof makeWorld>["start"]>

const newThread = (server: Server, cwd: string) =>
  Effect.gen(function* () {
    const { threadId } = yield* server.client.dispatch(yield* Client.command("thread.create", { provider: "codex", cwd }))
    return threadId as ThreadId
  })

/** Starts a turn and reads its thread until the condition holds. */
const turn = (
  server: Server,
  threadId: ThreadId,
  text: string,
  until: (event: LogEvent) => boolean = ({ type }) => isTerminal(type)
) =>
  Effect.gen(function* () {
    const accepted = yield* server.client.dispatch(yield* Client.command("turn.start", { threadId, text }))
    const events = yield* readUntil(server, threadId, accepted.cursor, until)
    return { turnId: accepted.turnId!, cursor: accepted.cursor, events }
  })

const readUntil = (server: Server, threadId: ThreadId, after: string, until: (event: LogEvent) => boolean) =>
  server.client.follow({ stream: `thread/${threadId}`, after }).pipe(
    Stream.filter((frame) => frame._tag === "event"),
    Stream.map((frame) => frame.event),
    Stream.takeUntil(until),
    Stream.runCollect,
    Effect.map((events) => [...events])
  )

const answer = (
  server: Server,
  asked: LogEvent,
  body: { decision?: "accept" | "decline"; answers?: Record<string, Array<string>> }
) =>
  Effect.gen(function* () {
    const requestId = RequestId.make(data(asked).requestId ?? "")
    return yield* server.client.dispatch(yield* Client.command("request.answer", { requestId, ...body }))
  })

const messages = (events: ReadonlyArray<LogEvent>) =>
  events.flatMap((event) => (event.type === "item.completed" && data(event).kind === "agent-message" ? [data(event).text] : []))
const deltas = (events: ReadonlyArray<LogEvent>) =>
  events
    .flatMap((event) => (event.type === "item.delta" && data(event).kind === "agent-message" ? [data(event).text] : []))
    .join("")

const wholeLog = (server: Server) =>
  Effect.promise(async () => {
    const response = await fetch(`${server.url}/api/events`, { headers: { authorization: `Bearer ${server.token}` } })
    return (await response.json()) as ReadonlyArray<LogEvent>
  })

/** The agent of the thread, from the process ledger of the data directory. The ledger has the probes of agents, too, whose entries go meanwhile. */
const agentOf = (dataDir: string, threadId: ThreadId) =>
  execFileSync("sh", ["-c", `cat ${join(dataDir, "processes")}/*.json 2> /dev/null || true`], { encoding: "utf8" })
    .trim()
    .split(/(?<=\})\s*(?=\{)/)
    .map((entry) => JSON.parse(entry) as { readonly pid: number; readonly threadId: string })
    .find((entry) => entry.threadId === threadId)

/** A zombie process has no command line any more. */
const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`) && readFileSync(`/proc/${pid}/cmdline`, "utf8") !== ""

describe("millrace with Codex", () => {
  it.live(
    "T2 a turn streams its text; an approval is accepted, one declined; a question is answered; a turn is interrupted",
    () =>
      Effect.gen(function* () {
        const { dataDir, home, start } = yield* makeWorld
        const server = yield* start
        const threadId = yield* newThread(server, home.workspace)

        const firstTurn = yield* turn(server, threadId, "[[think why not]] [[say Hello from the real Codex]]")
        expect(firstTurn.events.at(-1)?.type).toBe("turn.completed")
        expect(messages(firstTurn.events)).toEqual(["Hello from the real Codex"])
        expect(deltas(firstTurn.events)).toBe("Hello from the real Codex")

        const isAsked = ({ type }: LogEvent) => type === "request.opened"
        for (const [decision, status] of [
          ["accept", "completed"],
          ["decline", "declined"]
        ] as const) {
          const asking = yield* turn(server, threadId, `[[escalate echo ${decision}ed]] [[say after it]]`, isAsked)
          expect((yield* server.client.thread(threadId)).status).toBe("needs-you")
          expect(yield* server.client.requests).toHaveLength(1)
          expect((yield* answer(server, asking.events.at(-1)!, { decision })).outcome).toBe("answered")
          const rest = yield* readUntil(server, threadId, asking.cursor, ({ type }) => isTerminal(type))
          expect(rest.at(-1)?.type).toBe("turn.completed")
          const command = rest.find((event) => event.type === "item.completed" && data(event).kind === "command")
          expect(command && data(command).status).toBe(status)
          if (decision === "accept") expect(command && data(command).output).toContain("accepted")
        }

        const question = yield* turn(server, threadId, "[[ask Which colour? | Red | Blue]] [[say thanks]]", isAsked)
        yield* answer(server, question.events.at(-1)!, { answers: { q1: ["Blue"] } })
        const answered = yield* readUntil(server, threadId, question.cursor, ({ type }) => isTerminal(type))
        expect(messages(answered)).toEqual(["thanks"])

        const long = yield* turn(server, threadId, "[[deltas 100000 5]]", ({ type }) => type === "item.delta")
        const wanted = yield* Client.command("turn.interrupt", { threadId, turnId: long.turnId })
        expect((yield* server.client.dispatch(wanted)).outcome).toBe("interrupting")
        const interrupted = yield* readUntil(server, threadId, long.cursor, ({ type }) => isTerminal(type))
        expect(interrupted.at(-1)?.type).toBe("turn.interrupted")
        expect((yield* server.client.thread(threadId)).status).toBe("idle")

        expect(problems(yield* wholeLog(server), true)).toEqual([])
        yield* server.kill("SIGTERM")
        expect((yield* server.ended).code).toBe(0)
        expect(yield* run(["verify", "--data", dataDir])).toMatchObject({ code: 0 })
      }).pipe(Effect.scoped)
  )

  it.live("P5 T2 kill -9 of Codex in mid-turn fails the turn with the evidence; the next turn resumes the conversation", () =>
    Effect.gen(function* () {
      const { dataDir, home, start } = yield* makeWorld
      const server = yield* start
      const threadId = yield* newThread(server, home.workspace)
      yield* turn(server, threadId, "[[say first]]")
      const long = yield* turn(server, threadId, "[[deltas 100000 5]]", ({ type }) => type === "item.delta")
      const agent = agentOf(dataDir, threadId)
      process.kill(agent!.pid, "SIGKILL")
      const ended = yield* readUntil(server, threadId, long.cursor, ({ type }) => isTerminal(type))
      expect(ended.at(-1)?.type).toBe("turn.failed")
      expect(JSON.stringify(ended.at(-1)?.data)).toContain("SIGKILL")
      const resumed = yield* turn(server, threadId, "[[say second]]")
      expect(messages(resumed.events)).toEqual(["second"])
      const log = yield* wholeLog(server)
      expect(
        log.filter(({ type }) => type === "session.state.changed").some((event) => data(event).continuity === "resumed")
      ).toBe(true)
      expect(problems(log, true)).toEqual([])
    }).pipe(Effect.scoped)
  )

  it.live(
    "L2 T5 P1 kill -9 of the server in mid-turn: after the restart the turn has ended once, Codex has exited, and the thread continues",
    () =>
      Effect.gen(function* () {
        const { dataDir, home, start } = yield* makeWorld
        const before = yield* Effect.gen(function* () {
          const server = yield* start
          const threadId = yield* newThread(server, home.workspace)
          yield* turn(server, threadId, "[[say first]]")
          const long = yield* turn(server, threadId, "[[deltas 100000 5]]", (event) => data(event).text?.includes("d40") === true)
          const agent = agentOf(dataDir, threadId)
          yield* server.kill("SIGKILL")
          yield* server.ended
          return { ...long, threadId, agent: agent! }
        }).pipe(Effect.scoped)

        const server = yield* start
        expect(isAlive(before.agent.pid), "the old Codex").toBe(false)
        // The server asks whether to continue. A turn of the person answers that.
        expect((yield* server.client.thread(before.threadId)).status).toBe("needs-you")
        const ended = yield* readUntil(server, before.threadId, before.cursor, ({ type }) => isTerminal(type))
        expect(ended.slice(0, before.events.length)).toEqual(before.events)
        expect(ended.at(-1)).toMatchObject({ type: "turn.interrupted", data: { turnId: before.turnId } })
        const next = yield* turn(server, before.threadId, "[[say second]]")
        expect(messages(next.events)).toEqual(["second"])
        expect(problems(yield* wholeLog(server), true)).toEqual([])
      }).pipe(Effect.scoped)
  )
})
