/**
 * The clients of server-sent events that people use, over connections that are cut: each gets every event once, in order, whole (D2).
 */
import { expect, layer } from "@effect/vitest"
import { Context, Deferred, Duration, Effect, Exit, Layer, Random, type Scope } from "effect"
import { type Browser, chromium } from "playwright-core"
import { Retry } from "../../src/http/Sse.ts"
import { event, type Fixture, start } from "../support/Fixture.ts"
import * as CuttingProxy from "../transports/CuttingProxy.ts"
import * as SseClients from "./SseClients.ts"
import { executable, isThere as hasChromium } from "./Chromium.ts"

const total = 60
const known = ["eventsource 2", "@microsoft/fetch-event-source"]

/** In CI everything is there; elsewhere what is missing is left out, and said. */
const isWanted = (name: string, isThere: boolean): boolean => {
  if (isThere || process.env["CI"] !== undefined) return true
  process.stderr.write(`\nNOT TESTED: ${name} is not installed (apt-get install ${name}). CI tests with it.\n\n`)
  return false
}

class World extends Context.Tag("@millrace/server/test/clients/World")<
  World,
  Fixture & { readonly clients: ReadonlyArray<SseClients.SseClient>; readonly jsons: ReadonlyArray<string> }
>() {}

const launch: Effect.Effect<Browser, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() =>
    chromium.launch({ executablePath: executable, args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"] })
  ),
  (browser) => Effect.promise(() => browser.close())
)

const world = Layer.scoped(
  World,
  Effect.gen(function* () {
    const fixture = yield* Effect.provideService(start({ auth: false }), Retry, Duration.millis(10))
    const text = "Grüße aus dem Mühlbach 水車 🛶 "
    for (let n = 1; n <= total; n++) yield* fixture.append(event(n, "thread/thr_a", { text: text.repeat(1 + (n % 9)) }))
    const page = yield* Effect.orDie(fixture.log.read({ after: 0, limit: total, maxBytes: 1e9 }))
    const browsers = isWanted("chromium", hasChromium) ? [yield* launch] : []
    const clients = [...SseClients.inNode, ...browsers.map((browser) => SseClients.inBrowser(() => browser.newPage()))]
    return { ...fixture, clients, jsons: page.events.map(({ json }) => json) }
  })
)

/** Everything that the client's caller is given, until it is told that it has everything. */
const read = (client: SseClients.SseClient, url: string): Effect.Effect<ReadonlyArray<SseClients.Message>> =>
  Effect.scoped(
    Effect.gen(function* () {
      const messages: Array<SseClients.Message> = []
      const done = yield* Deferred.make<void>()
      yield* Effect.acquireRelease(
        Effect.promise(() =>
          client.open(url, (message) => {
            messages.push(message)
            if (message.type === "caught-up") Deferred.unsafeDone(done, Exit.void)
          })
        ),
        (close) => Effect.sync(close)
      )
      yield* Deferred.await(done)
      return messages
    })
  )

const isJson = (text: string): boolean => {
  try {
    return typeof JSON.parse(text) === "object"
  } catch {
    return false
  }
}

/** The events of the log that are missing, come again, or are not what was committed; and other messages that nobody can read. */
const wrong = (messages: ReadonlyArray<SseClients.Message>, jsons: ReadonlyArray<string>): ReadonlyArray<string> => {
  const events = messages.filter(({ type }) => type === "message")
  const times = (json: string) => events.filter(({ data }) => data === json).length
  return [
    ...jsons.flatMap((json, at) => (times(json) === 0 ? [`lost ${at + 1}`] : times(json) > 1 ? [`repeated ${at + 1}`] : [])),
    ...events.flatMap(({ data }) => (jsons.includes(data) ? [] : [`not an event: ${data.slice(0, 80)}`])),
    // The first frame of a connection takes what `eventsource` 2 has kept from the one before.
    ...messages.flatMap(({ data, type }) => (type === "open" || isJson(data) ? [] : [`${type}: ${data.slice(0, 80)}`]))
  ]
}

/** What is wrong for each client, all at once, each over the way that it is given. */
const each = (wayOf: (name: string) => Effect.Effect<string, never, Scope.Scope>) =>
  Effect.gen(function* () {
    const { clients, jsons } = yield* World
    const results = yield* Effect.forEach(
      clients,
      (client) =>
        Effect.scoped(
          Effect.map(
            Effect.flatMap(wayOf(client.name), (url) => read(client, url)),
            (messages) => [client.name, wrong(messages, jsons)] as const
          )
        ),
      { concurrency: "unbounded" }
    )
    return Object.fromEntries(results)
  })
const nothingWrong = Effect.map(World, ({ clients }) => Object.fromEntries(clients.map(({ name }) => [name, []])))

/** Cuts of seeded sizes, each large enough for the head of an answer and an event. */
const cuts = (seed: string): ((count: number) => CuttingProxy.Cut) => {
  const random = Random.make(seed)
  const bytes = Array.from({ length: 500 }, () => Effect.runSync(random.nextIntBetween(1_000, 3_500)))
  return (count) => ({ bytes: bytes[count % bytes.length] ?? 1_000 })
}

layer(world, { excludeTestServices: true })("clients that nobody here wrote", (it) => {
  it.effect("D2 each connection is cut after a seeded number of bytes: every client gets every event once, in order", () =>
    Effect.gen(function* () {
      const { url } = yield* World
      expect(yield* each((name) => CuttingProxy.openWith(url, cuts(name)))).toEqual(yield* nothingWrong)
    })
  )

  it.effect("D2 D5 cut at each kind of place in a frame: nothing is lost, and no message carries what a cut left behind", () =>
    Effect.gen(function* () {
      const { jsons, log, url } = yield* World
      const json = (offset: number) => jsons[offset - 1] ?? ""
      const id = (offset: number) => `id: ${log.epoch}-${offset}`
      const places: ReadonlyArray<string | Buffer> = [
        // In the first frame of a connection.
        "event: open\n",
        `"head":${total}}\n`,
        "retry: 10\n",
        // In the data, in a character of it, and after its line.
        json(10).slice(0, 100),
        Buffer.from(json(15)).subarray(0, Buffer.from(json(15)).indexOf("水") + 1),
        `${json(20)}\n`,
        // In the id, before the end of its line, and after the frame.
        id(25).slice(0, -1),
        id(30),
        `${id(35)}\n\n`,
        // In a control frame.
        "event: caught-up\n",
        `"requests":0}\n`
      ]
      const cutOf = (count: number) => {
        const after = places[count]
        return after === undefined ? undefined : { after }
      }
      expect(yield* each(() => CuttingProxy.openWith(url, cutOf))).toEqual(yield* nothingWrong)
    })
  )

  it.effect("D2 cut between the id line and the empty line: the two clients that count an id at once lose that event only", () =>
    Effect.gen(function* () {
      const { log, url } = yield* World
      const after = `id: ${log.epoch}-12\n`
      const expected = { ...(yield* nothingWrong), ...Object.fromEntries(known.map((name) => [name, ["lost 12"]])) }
      expect(yield* each(() => CuttingProxy.openWith(url, (count) => (count === 0 ? { after } : undefined)))).toEqual(expected)
    })
  )
})
