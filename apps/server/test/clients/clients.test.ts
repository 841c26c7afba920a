/**
 * Common clients of server-sent events over connections that are cut: each gets every event once, in order, unchanged (D2).
 */
import { expect, layer } from "@effect/vitest"
import { Context, Duration, Effect, Layer, Random, type Scope } from "effect"
import { Retry } from "../../src/http/Sse.ts"
import { type Fixture, start } from "../support/Fixture.ts"
import * as CuttingProxy from "../transports/CuttingProxy.ts"
import { isThere as hasChromium } from "./Chromium.ts"
import { fill, isWanted, jsonsOf, launch, read, wrong } from "./Reading.ts"
import * as SseClients from "./SseClients.ts"

const total = 60
const known = ["eventsource 2", "@microsoft/fetch-event-source"]

class World extends Context.Tag("@millrace/server/test/clients/World")<
  World,
  Fixture & { readonly clients: ReadonlyArray<SseClients.SseClient>; readonly jsons: ReadonlyArray<string> }
>() {}

const world = Layer.scoped(
  World,
  Effect.gen(function* () {
    const fixture = yield* Effect.provideService(start({ auth: false }), Retry, Duration.millis(10))
    yield* fill(fixture, total)
    const browsers = isWanted("chromium", hasChromium) ? [yield* launch] : []
    const clients = [...SseClients.inNode, ...browsers.map((browser) => SseClients.inBrowser(() => browser.newPage()))]
    return { ...fixture, clients, jsons: yield* jsonsOf(fixture) }
  })
)

/** The findings for each client; all clients run at once, each over its own URL. */
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

/** Cuts of seeded sizes, each large enough for the response headers and one event. */
const cuts = (seed: string): ((count: number) => CuttingProxy.Cut) => {
  const random = Random.make(seed)
  const bytes = Array.from({ length: 500 }, () => Effect.runSync(random.nextIntBetween(1_000, 3_500)))
  return (count) => ({ bytes: bytes[count % bytes.length] ?? 1_000 })
}

layer(world, { excludeTestServices: true })("third-party clients", (it) => {
  it.effect("D2 each connection is cut after a seeded number of bytes: every client gets every event once, in order", () =>
    Effect.gen(function* () {
      const { url } = yield* World
      expect(yield* each((name) => CuttingProxy.openWith(url, cuts(name)))).toEqual(yield* nothingWrong)
    })
  )

  it.effect(
    "D2 D5 cut at each kind of position in a frame: nothing is lost, and no message contains the remains of a cut one",
    () =>
      Effect.gen(function* () {
        const { jsons, log, url } = yield* World
        const json = (offset: number) => jsons[offset - 1] ?? ""
        const id = (offset: number) => `id: ${log.epoch}-${offset}`
        const places: ReadonlyArray<string | Buffer> = [
          // In the first frame of a connection.
          "event: open\n",
          `"head":${total}}\n`,
          "retry: 10\n",
          // In the data, within a character, and after its line.
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
