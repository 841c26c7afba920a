/** Clients that disconnect without notice in every phase: the server releases everything of them (D8). */
import { subscribe, unsubscribe } from "node:diagnostics_channel"
import { readdirSync } from "node:fs"
import { connect, type Socket } from "node:net"
import { expect, it } from "@effect/vitest"
import { type Context, Effect, type Exit, type Fiber, type Option, type Scope, Supervisor } from "effect"
import { event, type Fixture, start } from "./support/Fixture.ts"

/** Counts live objects and notifies of changes. */
const counter = () => {
  let count = 0
  let changed = () => {}
  return {
    add: (change: 1 | -1) => {
      count += change
      changed()
    },
    count: () => count,
    /** Returns when at most this many are left. */
    downTo: (most: number) =>
      Effect.async<void>((resume) => {
        changed = () => {
          if (count <= most) resume(Effect.void)
        }
        changed()
      })
  }
}
type Counter = ReturnType<typeof counter>

/** Counts every fiber under the supervisor, from its fork to its end. */
class Fibers extends Supervisor.AbstractSupervisor<void> {
  readonly #live: Counter
  constructor(live: Counter) {
    super()
    this.#live = live
  }
  override readonly value = Effect.void
  override onStart<A, E, R>(
    _context: Context.Context<R>,
    _effect: Effect.Effect<A, E, R>,
    _parent: Option.Option<Fiber.RuntimeFiber<unknown, unknown>>,
    _fiber: Fiber.RuntimeFiber<A, E>
  ) {
    this.#live.add(1)
  }
  override onEnd<A, E>(_exit: Exit.Exit<A, E>, _fiber: Fiber.RuntimeFiber<A, E>) {
    this.#live.add(-1)
  }
}

const sides = ["net.server.socket", "net.client.socket"]

/** Every TCP socket of this process, on the server's side and on the test's, until it is closed. */
const opened = Effect.acquireRelease(
  Effect.sync(() => {
    const live = counter()
    const on = (message: unknown) => {
      live.add(1)
      ;(message as { readonly socket: Socket }).socket.once("close", () => live.add(-1))
    }
    for (const side of sides) subscribe(side, on)
    return { live, on }
  }),
  ({ on }) => Effect.sync(() => sides.forEach((side) => void unsubscribe(side, on)))
)

const descriptors = () => readdirSync("/proc/self/fd").length

/** A raw connection that sends `says` and is reset after it has received `hears`. Returns when its socket is closed. */
const gone = ({ url }: Fixture, says: string, hears: string | undefined, then: Effect.Effect<void> = Effect.void) =>
  Effect.async<Socket>((resume) => {
    const { hostname, port } = new URL(url)
    let text = ""
    const socket = connect(Number(port), hostname, () => {
      socket.write(says, "latin1", () => (hears === undefined ? resume(Effect.succeed(socket)) : undefined))
    })
    socket.on("error", () => {})
    if (hears !== undefined)
      socket.on("data", (chunk) => {
        text += chunk.toString("latin1")
        if (!text.includes(hears)) return
        socket.pause()
        resume(Effect.succeed(socket))
      })
  }).pipe(
    Effect.tap(then),
    Effect.flatMap((socket) =>
      Effect.async<void>((resume) => {
        socket.once("close", () => resume(Effect.void))
        socket.resetAndDestroy()
      })
    )
  )

const head = ({ token, url }: Fixture, path: string, more: ReadonlyArray<string> = []) =>
  [`GET ${path} HTTP/1.1`, `host: ${new URL(url).host}`, `authorization: Bearer ${token}`, ...more, "", ""].join("\r\n")
const sse = (fixture: Fixture, path: string) => head(fixture, path, ["accept: text/event-stream"])
const upgrade = (fixture: Fixture) =>
  head(fixture, "/rpc", [
    "connection: Upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    `sec-websocket-key: ${"A".repeat(22)}==`
  ])
/** A text frame as a client sends it, masked with zeroes. */
const message = (value: object) => {
  const text = JSON.stringify(value)
  return `\x81${String.fromCharCode(0x80 | text.length)}\0\0\0\0${text}`
}
const follow = (after?: string) =>
  message({ _tag: "Request", id: "1", tag: "follow", headers: [], payload: after === undefined ? {} : { after } })

it.scopedLive(
  "D8 cut in every phase of every transport: the counts of fibers, subscriptions, sockets and descriptors are unchanged",
  () =>
    Effect.gen(function* () {
      const fibers = counter()
      const { live: sockets } = yield* opened
      const fixture = yield* Effect.supervised(start(), new Fibers(fibers))
      const pad = "x".repeat(1_000)
      for (let n = 0; n < 100; n++)
        yield* fixture.append(...Array.from({ length: 100 }, (_, one) => event(one, "thread/thr_a", { pad })))
      const end = `${fixture.log.epoch}-10000`
      const says = Effect.asVoid(fixture.append(event(1)))
      /** Answered after earlier requests on other connections. */
      const answered = Effect.asVoid(Effect.orDie(fixture.call("/api/events?since=0&limit=1")))
      const followers = Effect.map(Effect.orDie(fixture.call("/metrics")), ({ body }) =>
        body.split("\n").filter((line) => /^millrace_(followers_waiting|rpc_calls|websocket_connections) [^0]/.test(line))
      )

      const phases: Readonly<Record<string, Effect.Effect<void, never, Scope.Scope>>> = {
        "before its headers are complete": gone(fixture, sse(fixture, "/api/events").slice(0, 40), undefined),
        "before an answer": gone(fixture, sse(fixture, "/api/events"), undefined),
        "in replay, unread": gone(fixture, sse(fixture, "/api/events"), "retry: ", answered),
        "in the whole log, unread": gone(fixture, head(fixture, "/api/events"), "HTTP/1.1 200", answered),
        "at caught-up": gone(fixture, sse(fixture, `/api/events?after=${end}`), "caught-up"),
        live: gone(fixture, sse(fixture, `/api/events?after=${end}`), "caught-up", says),
        "live, one stream": gone(fixture, sse(fixture, `/api/events?after=${end}&stream=thread/thr_b`), "caught-up", says),
        "in a long-poll": gone(fixture, head(fixture, "/api/events?since=1000000&wait=30"), undefined, answered),
        "in a command, its body half sent": gone(
          fixture,
          head(fixture, "/api/commands", ["content-length: 100"]).replace("GET", "POST") + '{"commandId"',
          undefined,
          answered
        ),
        "before its upgrade is complete": gone(fixture, upgrade(fixture).slice(0, -10), undefined),
        "in the upgrade": gone(fixture, upgrade(fixture), undefined),
        "upgraded, silent": gone(fixture, upgrade(fixture), "101 Switching"),
        "upgraded, in half a message": gone(fixture, upgrade(fixture) + follow().slice(0, 20), "101 Switching", answered),
        "in an RPC stream, unread": gone(fixture, upgrade(fixture) + follow(), '"_tag":"Chunk"', answered),
        "in an RPC stream, live": Effect.flatMap(fixture.log.head, (head) =>
          gone(fixture, upgrade(fixture) + follow(`${fixture.log.epoch}-${head}`), '"_tag":"Chunk"', says)
        )
      }
      const tear = (phase: Effect.Effect<void, never, Scope.Scope>) =>
        Effect.gen(function* () {
          yield* Effect.all(Effect.replicate(phase, 8), { concurrency: "unbounded", discard: true })
          yield* sockets.downTo(0)
        })

      // Objects that are created at first use are no leak.
      for (const phase of Object.values(phases)) yield* tear(phase)
      const quiet = fibers.count()
      yield* followers
      // The metrics measure the disk, in a fiber that ends.
      yield* fibers.downTo(quiet)
      yield* answered
      yield* sockets.downTo(0)
      const base = { fibers: fibers.count(), descriptors: descriptors() }

      for (const [name, phase] of Object.entries(phases)) {
        yield* tear(phase)
        yield* fibers
          .downTo(base.fibers)
          .pipe(Effect.timeoutFail({ duration: "2 minutes", onTimeout: () => `${name}: ${fibers.count()}` }))
        expect([name, yield* followers]).toEqual([name, []])
        yield* answered
        yield* sockets.downTo(0)
        yield* fibers.downTo(base.fibers)
        // A leak is eight of a phase. The base may count a fiber of the server that was about to end.
        expect([name, fibers.count() <= base.fibers, descriptors() <= base.descriptors]).toEqual([name, true, true])
      }
    })
)
