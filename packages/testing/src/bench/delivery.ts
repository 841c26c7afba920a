/**
 * Delivery, from an agent's event to a client's read: a server process (the real host and the real HTTP server, `synchronous = FULL`), the
 * clients in this process, and a bare server that sends the same bytes. Prints a table with ratios and targets, writes
 * docs/benchmarks/delivery.{json,md,svg}. About four minutes.
 */
import { Effect } from "effect"
import { loadavg } from "node:os"
import * as Child from "./delivery/Child.ts"
import * as Latency from "./delivery/Latency.ts"
import * as Measures from "./delivery/Measures.ts"
import * as Report from "./delivery/Report.ts"
import * as Transports from "./delivery/Transports.ts"

const batch = 64
/** Events a second, readers, rounds. */
const paces = [
  [200, 1, 1],
  [200, 10, 1],
  [200, 50, 1],
  [200, 200, 1],
  [500, 1, 1],
  [500, 10, 5],
  [500, 50, 1],
  [500, 200, 1],
  [100, 200, 5]
] as const

/** Readers, events, rounds. */
const flatOut = [
  [1, 50_000, 3],
  [10, 50_000, 3],
  [50, 100_000, 7]
] as const

const say = (line: string) => void process.stdout.write(`${line}\n`)

/** Our server and a bare one with the same durability. */
const pair = async (synchronous: "FULL" | "NORMAL") => {
  const server = await Child.start("server", [synchronous])
  const bare = await Child.start("bare", [server.ready.epoch ?? "", synchronous])
  return { server, bare, stop: () => Promise.all([server.stop(), bare.stop()]) }
}

const measure = async (): Promise<Report.Results> => {
  const load = loadavg()[0] ?? Number.NaN
  const { bare, server, stop } = await pair("FULL")
  const floor = await Latency.floor(bare)
  say(`  one durable row on this disk: p50 ${floor.p50.toFixed(2)} ms, p99 ${floor.p99.toFixed(2)} ms`)

  const resume = [await Measures.resume(server, bare, 20_000)]

  const latency: Array<Latency.Latency> = []
  await Latency.latency(server, { rate: 500, readers: 10, seconds: 1, kind: "event" })
  for (const [rate, readers, rounds] of paces)
    latency.push(await Latency.middle(rounds, () => Latency.latency(server, { rate, readers, seconds: 2, kind: "event", bare })))
  latency.push(await Latency.latency(server, { rate: 500, readers: 10, seconds: 2, kind: "text" }))
  say(`  paced: ${latency.length} combinations of rate and readers`)

  const appendsAlone = Math.max(
    await Measures.appendsAlone(server, { events: 40_000, batch }),
    await Measures.appendsAlone(server, { events: 40_000, batch })
  )
  const fanOut: Array<Measures.FanOut> = []
  for (const [readers, events, rounds] of flatOut)
    fanOut.push(await Measures.fanOut(server, bare, { synchronous: "FULL", readers, events, batch, rounds }))
  say("  at full speed: 1, 10 and 50 readers")

  const replay = await Measures.replay(server, bare, 200_000)
  say("  replay: 200,000 rows")
  const transports = await Transports.measure(server, { readers: 20, events: 100_000, rounds: 5 })
  say("  transports: SSE and RPC, 20 readers of 100,000 events")

  resume.push(await Measures.resume(server, bare, 1_000_000))
  say("  resume: 1,000,000 rows")

  const memory = await Measures.memory(server, [1000, 2000], 100_000)
  say("  memory: 1,000 and 2,000 idle readers, one stalled")
  await stop()

  // Without the disk: NORMAL does not wait for it at a commit.
  const loose = await pair("NORMAL")
  await Measures.appendsAlone(loose.server, { events: 40_000, batch })
  fanOut.push(
    await Measures.fanOut(loose.server, loose.bare, { synchronous: "NORMAL", readers: 50, events: 50_000, batch, rounds: 5 })
  )
  await loose.stop()
  return { load, floor, latency, appendsAlone, fanOut, replay, resume, memory, transports }
}

export const run = Effect.gen(function* () {
  say("delivery: server, clients and a bare server, each a process")
  const results = yield* Effect.tryPromise(measure)
  Report.write(results)
  say(`\n${Report.table(results)}\nWritten: docs/benchmarks/delivery.json, delivery.md, delivery.svg`)
})
