/**
 * Common clients behind common proxies, with the configuration files of docs/operations.md: each client gets every event once, in order (D2),
 * also when connections are cut on either side of the proxy, and when the server restarts behind it.
 */
import { expect, layer } from "@effect/vitest"
import * as Client from "@millrace/client/Client"
import * as NodeWebSocket from "@millrace/client/NodeWebSocket"
import * as RpcTransport from "@millrace/client/RpcTransport"
import { ThreadId } from "@millrace/contracts/Ids"
import {
  Chunk,
  Context,
  Deferred,
  Duration,
  Effect,
  ExecutionStrategy,
  Exit,
  Fiber,
  Layer,
  Schedule,
  Scope,
  Stream
} from "effect"
import type { Browser } from "playwright-core"
import * as Pairing from "../../src/auth/Pairing.ts"
import { Retry } from "../../src/http/Sse.ts"
import { type Fixture, send, start } from "../support/Fixture.ts"
import * as CuttingProxy from "../transports/CuttingProxy.ts"
import { isThere as hasChromium } from "./Chromium.ts"
import * as Proxies from "./Proxies.ts"
import { fill, follow, isWanted, jsonsOf, launch, read, wrong } from "./Reading.ts"
import * as SseClients from "./SseClients.ts"

const total = 40
/** Eleven clients at once, two of them browsers, are slow on a busy machine: the limit only ends a test that hangs. */
const limit = 360_000 * Number(process.env["MILLRACE_TEST_SLOWER"] ?? 1)

/** Cut between an id line and the empty line, two clients lose an event (decision 0099). The proxy chooses where HTTP chunks begin, which may be there. */
const notAfter = /\nid: [^\r\n]+\n(\r\n?)?([0-9a-f]+\r?\n?)?$/
const cut = { bytes: 1_500, notAfter }
const uncut = () => undefined

interface Way {
  readonly name: string
  readonly tls: boolean
  /** `onAsk`: called when the client requests events. */
  readonly client: (onAsk: () => void) => SseClients.SseClient
  /** Whether the client itself reports its requests. If not, the test counts its connections. */
  readonly reports: boolean
}

const inNode = SseClients.inNode.map((client): Way => ({ name: client.name, tls: false, client: () => client, reports: false }))
const inBrowser = (browser: Browser): ReadonlyArray<Way> =>
  [false, true].map((tls) => ({
    name: tls ? "Chromium, HTTP/2" : "Chromium",
    tls,
    client: (onAsk) => SseClients.inBrowser(() => browser.newPage({ ignoreHTTPSErrors: true }), onAsk),
    reports: true
  }))

class World extends Context.Tag("@millrace/server/test/clients/Proxied")<
  World,
  {
    readonly proxy: Proxies.Proxy
    readonly browser: Browser | undefined
    readonly ways: ReadonlyArray<Way>
  }
>() {}

const world = (kind: Proxies.Kind) =>
  Layer.scoped(
    World,
    Effect.gen(function* () {
      const proxy = yield* Proxies.start(kind)
      const browser = isWanted("chromium", hasChromium) ? yield* launch : undefined
      return { proxy, browser, ways: browser === undefined ? inNode : [...inNode, ...inBrowser(browser)] }
    })
  )

/** A child scope of the test's. */
const within = Effect.flatMap(Effect.scope, (scope) => Scope.fork(scope, ExecutionStrategy.sequential))

const serve = (options: Parameters<typeof start>[0] = {}) =>
  Effect.orDie(Effect.provideService(start({ auth: false, ...options }), Retry, Duration.millis(10)))

/** Opens the path from the proxy to the server. */
const behind = (fixture: Pick<Fixture, "url">, cutOf: (cuts: number) => CuttingProxy.Cut | undefined = uncut) =>
  Effect.flatMap(World, ({ proxy }) => CuttingProxy.openWith(fixture.url, cutOf, { at: proxy.upstream }))

/** Opens the path from one client to the proxy. */
const before = (
  tls: boolean,
  cutOf: (cuts: number) => CuttingProxy.Cut | undefined = uncut,
  onAsk: () => void = () => undefined
) =>
  Effect.gen(function* () {
    const { proxy } = yield* World
    const url = yield* CuttingProxy.openWith(tls ? proxy.tls : proxy.plain, cutOf, { onAsk })
    return tls ? url.replace("http:", "https:") : url
  })

/** The findings for each client; all clients run at once. */
const each = <A>(one: (way: Way) => Effect.Effect<A, never, Scope.Scope | World>) =>
  Effect.gen(function* () {
    const { ways } = yield* World
    const found = yield* Effect.forEach(ways, (way) => Effect.map(one(way), (found) => [way.name, found] as const), {
      concurrency: "unbounded"
    })
    return Object.fromEntries(found)
  })
const all = <A>(value: A) => Effect.map(World, ({ ways }) => Object.fromEntries(ways.map(({ name }) => [name, value])))

/** A server with events, and the messages that each client must deliver. */
const filled = Effect.gen(function* () {
  const fixture = yield* serve()
  yield* fill(fixture, total)
  return { fixture, jsons: yield* jsonsOf(fixture) }
})

/** The findings for a client that reads a log that does not grow. */
const readWhole = (way: Way, url: string, jsons: ReadonlyArray<string>) =>
  Effect.map(
    read(
      way.client(() => undefined),
      url
    ),
    (messages) => wrong(messages, jsons)
  )

for (const kind of Proxies.kinds) {
  if (!isWanted(Proxies.packages[kind], Proxies.isThere(kind))) continue

  layer(world(kind), { excludeTestServices: true })(`behind ${kind}`, (it) => {
    it.scoped(
      "D2 D5 every client gets every event once, in order, while the stream stays open",
      () =>
        Effect.gen(function* () {
          const { fixture, jsons } = yield* filled
          yield* behind(fixture)
          const found = yield* each((way) => Effect.flatMap(before(way.tls), (url) => readWhole(way, url, jsons)))
          expect(found).toEqual(yield* all([]))
        }),
      limit
    )

    it.scoped(
      "D2 a cut every 1,500 bytes between client and proxy: nothing is lost and nothing comes twice",
      () =>
        Effect.gen(function* () {
          const { fixture, jsons } = yield* filled
          yield* behind(fixture)
          const found = yield* each((way) =>
            Effect.gen(function* () {
              let cuts = 0
              const url = yield* before(way.tls, (count) => {
                cuts = count
                // A TLS record is read whole or not at all: each connection gets further than the previous one.
                return way.tls ? { bytes: 4_000 * 2 ** count } : cut
              })
              return { wrong: yield* readWhole(way, url, jsons), isCut: cuts >= (way.tls ? 1 : 5) }
            })
          )
          expect(found).toEqual(yield* all({ wrong: [], isCut: true }))
        }),
      limit
    )

    it.scoped(
      "D2 a cut every 1,500 bytes between proxy and server: nothing is lost and nothing comes twice",
      () =>
        Effect.gen(function* () {
          const { fixture, jsons } = yield* filled
          let cuts = 0
          yield* behind(fixture, (count) => {
            cuts = count
            return cut
          })
          const found = yield* each((way) => Effect.flatMap(before(way.tls), (url) => readWhole(way, url, jsons)))
          expect(found).toEqual(yield* all([]))
          expect(cuts).toBeGreaterThan(5 * Object.keys(found).length)
        }),
      limit
    )

    it.scoped(
      "D2 D16 while the server is down each client is refused and retries; from the next server it gets the rest, once",
      () =>
        Effect.gen(function* () {
          const one = yield* within
          const first = yield* Scope.extend(serve(), one)
          yield* fill(first, total)
          yield* Scope.extend(behind(first), one)
          let isDown = false
          const { ways } = yield* World
          const readers = yield* Effect.forEach(
            ways,
            (way) =>
              Effect.gen(function* () {
                const again = yield* Deferred.make<void>()
                let refused = 0
                const onAsk = () => {
                  if (isDown && ++refused === 2) Deferred.unsafeDone(again, Exit.void)
                }
                const url = yield* before(way.tls, uncut, way.reports ? undefined : onAsk)
                return { name: way.name, again: Deferred.await(again), ...(yield* follow(way.client(onAsk), url)) }
              }),
            { concurrency: "unbounded" }
          )
          yield* Effect.forEach(readers, ({ until }) => until((messages) => messages.at(-1)?.type === "caught-up"))

          yield* first.server.drain("5 seconds")
          yield* Scope.close(one, Exit.void)
          isDown = true
          yield* Effect.forEach(readers, ({ again }) => again)

          yield* fill(first, total, total)
          const next = yield* serve({ log: first.log })
          yield* behind(next)
          const jsons = yield* jsonsOf(next)
          yield* Effect.forEach(readers, ({ until }) => until((messages) => messages.some(({ data }) => data === jsons.at(-1))))
          const found = readers.map(({ messages, name }) => [name, wrong(messages, jsons)])
          expect(Object.fromEntries(found)).toEqual(yield* all([]))
        }),
      limit
    )

    it.scoped(
      "D16 while the server is down a request for an event stream is closed without an answer; everything else gets 503",
      () =>
        Effect.gen(function* () {
          const url = yield* before(false)
          const events = yield* Effect.flip(send(`${url}/api/events`, { headers: { accept: "text/event-stream" } }))
          expect(events.message).toBe("socket hang up")
          const state = yield* send(`${url}/api/state`)
          expect([state.status, state.headers["retry-after"]]).toEqual([503, "1"])
        }),
      limit
    )

    it.scoped(
      "D2 RPC: the WebSocket works through the proxy, with commands and every event once, also over a restart and from a browser",
      () =>
        Effect.gen(function* () {
          const { browser } = yield* World
          const one = yield* within
          const first = yield* Scope.extend(serve(), one)
          yield* fill(first, total)
          yield* Scope.extend(behind(first), one)
          let isDown = false
          let refused = 0
          const again = yield* Deferred.make<void>()
          const url = yield* before(false, uncut, () => {
            if (isDown && ++refused === 2) Deferred.unsafeDone(again, Exit.void)
          })
          const transport = yield* RpcTransport.make({
            url: `${url.replace("http", "ws")}/rpc`,
            webSocket: NodeWebSocket.open(undefined)
          })
          const client = Client.make(transport, { follow: { schedule: Schedule.spaced("10 millis") } })
          const caughtUp = yield* Deferred.make<void>()
          const reading = yield* client.follow({}).pipe(
            Stream.tap((frame) => (frame._tag === "caught-up" ? Deferred.succeed(caughtUp, undefined) : Effect.void)),
            Stream.filter((frame) => frame._tag === "event"),
            Stream.take(2 * total),
            Stream.runCollect,
            Effect.forkScoped
          )
          yield* Deferred.await(caughtUp)
          const stop = yield* Client.command("session.stop", { threadId: ThreadId.make("thr_a") })
          expect((yield* client.dispatch(stop)).status).toBe("accepted")

          yield* Scope.close(one, Exit.void)
          isDown = true
          yield* Deferred.await(again)
          yield* fill(first, total, total)
          const next = yield* serve({ log: first.log })
          yield* behind(next)
          const frames = Chunk.toReadonlyArray(yield* Fiber.join(reading))
          const offsets = frames.map((frame) => (frame._tag === "event" ? frame.event.offset : 0))
          expect(offsets).toEqual(Array.from({ length: 2 * total }, (_, at) => at + 1))

          if (browser === undefined) return
          for (const tls of [false, true]) {
            const origin = yield* before(tls)
            const opened = yield* Effect.promise(async () => {
              const page = await browser.newPage({ ignoreHTTPSErrors: true })
              await page.goto(`${origin}/health`)
              return page.evaluate(
                (to) =>
                  new Promise<string>((resolve) => {
                    const socket = new WebSocket(to)
                    socket.addEventListener("open", () => resolve("open"))
                    socket.addEventListener("close", ({ code }) => resolve(`closed with ${code}`))
                  }),
                `${origin.replace("http", "ws")}/rpc`
              )
            })
            expect([tls, opened]).toEqual([tls, "open"])
          }
        }),
      limit
    )

    it.scoped(
      "X1 TLS ends at the proxy: with --trust-proxy links are https and the cookie is Secure; a client's own forwarded headers are ignored",
      () =>
        Effect.gen(function* () {
          const { proxy } = yield* World
          const pairing = (trustProxy: ReadonlyArray<string>, tls: boolean) =>
            Effect.scoped(
              Effect.gen(function* () {
                const fixture = yield* serve({ auth: true, allowedHosts: ["millrace.example"], trustProxy })
                yield* behind(fixture)
                const url = yield* before(tls)
                const headers = {
                  host: "millrace.example",
                  authorization: `Bearer ${fixture.token}`,
                  "x-forwarded-proto": tls ? "http" : "https",
                  "x-forwarded-host": "evil.example"
                }
                const options = { headers, ...(tls && { ca: proxy.certificate }) }
                const made = yield* send(`${url}/api/pair`, { ...options, method: "POST" })
                const { code } = yield* Pairing.create(fixture.dataDir)
                const paired = yield* send(Pairing.link(url, code), options)
                const link = new URL((JSON.parse(made.body) as { readonly url: string }).url)
                const cookie = String(paired.headers["set-cookie"])
                return [
                  link.origin === fixture.url ? "own" : link.origin,
                  cookie.includes("HttpOnly"),
                  cookie.includes("; Secure")
                ]
              })
            )
          expect(yield* pairing(["127.0.0.1"], true)).toEqual(["https://millrace.example", true, true])
          expect(yield* pairing([], true)).toEqual(["http://millrace.example", true, false])
          expect(yield* pairing(["127.0.0.1"], false)).toEqual(["http://millrace.example", true, false])
        }),
      limit
    )
  })
}
