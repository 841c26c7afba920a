/**
 * The server process of the bench: the real host with `synchronous = FULL`, the real HTTP server, and an agent in memory that emits the events
 * that the bench requests.
 */
import type { CommandId } from "@millrace/contracts/Ids"
import { EventLog, type Envelope } from "@millrace/log/EventLog"
import * as Fibers from "@millrace/host/Fibers"
import * as Host from "@millrace/host/Host"
import * as Server from "@millrace/server/internal/Server"
import { Service } from "@millrace/server/internal/Service"
import { Context, Deferred, Effect, Layer, Queue } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { monitorEventLoopDelay, performance } from "node:perf_hooks"
import * as ScriptedProvider from "../../ScriptedProvider.ts"
import { type Answer, type Ask, mark } from "./Messages.ts"

const at = "2026-11-20T09:00:00.000Z"
const words = 'and then the "next" words of an answer, 40 to 60 characters\n'

type Pace = Extract<Ask, { readonly op: "pace" }>
interface Job {
  readonly pace: Pace
  readonly done: Deferred.Deferred<Answer>
}

/** Emits `rate` events per second by the monotonic clock; each carries its timestamp. */
const speak = (turn: ScriptedProvider.Turn, { kind, rate, seconds }: Pace) =>
  Effect.gen(function* () {
    const itemId = yield* turn.newItem
    const item = { turnId: turn.turnId, itemId, kind: "agent-message" }
    yield* turn.emit({ _tag: "ItemStarted", ...item, content: {} })
    const total = Math.round(rate * seconds)
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    const cpu = process.cpuUsage()
    const started = performance.now()
    for (let sent = 0; sent < total;) {
      const due = Math.min(total, Math.floor(((performance.now() - started) * rate) / 1000) + 1)
      for (; sent < due; sent++)
        yield* turn.emit(
          kind === "text"
            ? { _tag: "ItemDelta", ...item, text: `${mark()}${words}` }
            : { _tag: "Opaque", turnId: turn.turnId, method: "bench/event", payload: { text: `${mark()}${words}` } }
        )
      if (sent < total) yield* Effect.sleep(Math.max(0, started + (sent * 1000) / rate - performance.now()))
    }
    const millis = performance.now() - started
    delay.disable()
    const { system, user } = process.cpuUsage(cpu)
    yield* turn.emit({ _tag: "ItemCompleted", ...item, status: "completed", content: { text: "" } })
    return { events: total, millis, cpuMillis: (system + user) / 1000, loopMaxMillis: delay.max / 1e6 }
  })

/** A durable delta as the engine writes it, 290 bytes on the wire. */
const envelope: Envelope = {
  rows: [],
  events: [
    {
      stream: "thread/thr_01JBENCHBENCHBENCHBENCH00",
      type: "item.delta",
      at,
      epoch: 1,
      data: {
        threadId: "thr_01JBENCHBENCHBENCHBENCH00",
        turnId: "trn_01JABCDEFGH",
        itemId: "itm_01JABCDEFGH",
        kind: "agent-message",
        text: words
      }
    }
  ]
}

const append = (log: typeof EventLog.Service, { batch, events }: Extract<Ask, { readonly op: "append" }>) =>
  Effect.gen(function* () {
    const before = (yield* log.stats).bytes
    const cpu = process.cpuUsage()
    const started = performance.now()
    for (let left = events; left > 0; left -= batch) {
      yield* log.append(Array.from({ length: Math.min(batch, left) }, () => envelope))
      // Yields between two batches, as the engine does.
      yield* Effect.yieldNow()
    }
    const millis = performance.now() - started
    const { bytes, head } = yield* log.stats
    const { system, user } = process.cpuUsage(cpu)
    return { events, head, millis, bytes: bytes - before, cpuMillis: (system + user) / 1000 }
  })

const memory = Effect.sync((): Answer => {
  globalThis.gc?.()
  globalThis.gc?.()
  const { external, heapUsed, rss } = process.memoryUsage()
  return { heapBytes: heapUsed + external, rssBytes: rss }
})

const program = Effect.gen(function* () {
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "millrace-bench-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  )
  const jobs = yield* Queue.bounded<Job>(1)
  const agent = ScriptedProvider.make({
    turn: (turn) =>
      Effect.gen(function* () {
        yield* turn.start
        for (;;) {
          const { done, pace } = yield* Queue.take(jobs)
          yield* Deferred.succeed(done, yield* speak(turn, pace))
        }
      })
  })
  const context = yield* Layer.build(
    Server.layer({ host: "127.0.0.1", port: 0, auth: false, dataDir: directory }).pipe(
      Layer.provideMerge(Layer.map(Layer.service(Host.Host), (host) => Context.make(Service, Context.get(host, Host.Host)))),
      Layer.provideMerge(
        Host.layer({
          dataDir: directory,
          synchronous: process.argv[2] === "NORMAL" ? "NORMAL" : "FULL",
          providers: { codex: false, claude: false, acp: false, adapters: [agent.adapter] }
        })
      )
    )
  )
  const log = Context.get(context, EventLog)
  yield* Context.get(context, Host.Host).dispatch({
    commandId: "bench-1" as CommandId,
    type: "thread.create",
    provider: agent.adapter.name,
    cwd: directory,
    turn: { text: "go" }
  })

  const asked = yield* Queue.bounded<Ask>(1)
  process.on("message", (message) => void Queue.unsafeOffer(asked, message as Ask))
  const answer = (said: Answer) => Effect.sync(() => void process.send?.(said))
  yield* answer({ url: Context.get(context, Server.Server).url, file: join(directory, "log.db"), epoch: log.epoch })

  for (;;) {
    const ask = yield* Queue.take(asked)
    switch (ask.op) {
      case "pace": {
        const done = yield* Deferred.make<Answer>()
        yield* Queue.offer(jobs, { pace: ask, done })
        yield* answer(yield* Deferred.await(done))
        break
      }
      case "append":
        yield* answer(yield* append(log, ask))
        break
      case "cpu": {
        const { system, user } = process.cpuUsage()
        yield* answer({ cpuMillis: (system + user) / 1000 })
        break
      }
      case "memory":
        yield* answer(yield* memory)
        break
      case "stop":
        return
      default:
        yield* answer({ error: `${ask.op} is not for this process` })
    }
  }
}).pipe(Effect.scoped)

void Effect.runPromise(Fibers.withServerRuntime(program)).then(() => process.exit(0))
