/** Latency from an agent's event to a client's read at a fixed rate, and the latency of the disk alone. */
import type { Child } from "./Child.ts"
import * as Reader from "./Reader.ts"
import { atHead, closeAll, openMany, percentile } from "./Readers.ts"

export interface Latency {
  readonly what: string
  readonly rate: number
  readonly readers: number
  readonly p50: number
  readonly p99: number
  /** p99 of each round, in ascending order, if there was more than one round. */
  readonly p99OfRounds?: ReadonlyArray<number>
  readonly max: number
  readonly samples: number
  /** A bare durable row and `node:http` at the same rate, to as many readers. */
  readonly bare?: { readonly p50: number; readonly p99: number }
  /** Achieved rate as a share of the requested one. */
  readonly pace: number
  /** Processor time of the server as a share of one core. */
  readonly cpu: number
  /** Longest gap of the server's event loop, milliseconds. */
  readonly loopMax: number
}

/** Single durable commits on this disk, milliseconds: the floor under every latency. */
export interface Floor {
  readonly p50: number
  readonly p99: number
}

/** Collects the ages of `expected` marked texts. */
const collecting = (expected: number, seconds: number) => {
  const found = new Float64Array(expected)
  let samples = 0
  let complete = () => {}
  // Texts that do not arrive within 20 seconds after the end count as missing.
  const all = new Promise<void>((done) => (complete = done))
  const late = setTimeout(complete, (seconds + 20) * 1000)
  const onData = () =>
    Reader.ages((millis) => {
      if (samples < expected) found[samples] = millis
      if (++samples === expected) complete()
    })
  const result = async () => {
    await all
    clearTimeout(late)
    if (samples !== expected) throw new Error(`${samples} events came, ${expected} were said`)
    return Array.from(found).toSorted((a, b) => a - b)
  }
  return { onData, result }
}

/** From the agent's event in the server process to the client's callback, for every event and every reader. */
export const latency = async (
  server: Child,
  options: {
    readonly rate: number
    readonly readers: number
    readonly seconds: number
    readonly kind: "event" | "text"
    readonly bare?: Child
  }
): Promise<Latency> => {
  const { bare, kind, rate, readers: count, seconds } = options
  const ours = collecting(rate * seconds * count, seconds)
  const { readers } = await atHead(server, count, ours.onData)
  const paced = await server.ask({ op: "pace", rate, seconds, kind })
  const sorted = await ours.result()
  closeAll(readers)
  const millis = paced.millis ?? Number.NaN
  return {
    what: kind === "text" ? "text deltas, coalesced" : "events",
    rate,
    readers: count,
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
    max: sorted.at(-1) ?? Number.NaN,
    samples: sorted.length,
    ...(bare !== undefined && { bare: await bareLatency(bare, { rate, readers: count, seconds }) }),
    pace: (seconds * 1000) / millis,
    cpu: (paced.cpuMillis ?? 0) / millis,
    loopMax: paced.loopMaxMillis ?? Number.NaN
  }
}

/** Returns the round with the median p99: one slow write of a shared disk can spoil a round. */
export const middle = async (rounds: number, measure: () => Promise<Latency>): Promise<Latency> => {
  const all: Array<Latency> = []
  while (all.length < rounds) all.push(await measure())
  all.sort((a, b) => a.p99 - b.p99)
  const chosen = all[rounds >> 1]
  if (chosen === undefined) throw new Error("no round")
  return rounds === 1 ? chosen : { ...chosen, p99OfRounds: all.map(({ p99 }) => p99) }
}

const bareLatency = async (
  bare: Child,
  { rate, readers: count, seconds }: { readonly rate: number; readonly readers: number; readonly seconds: number }
) => {
  const plain = collecting(rate * seconds * count, seconds)
  const readers = await openMany(count, () => ({ url: bare.ready.url ?? "", onData: plain.onData() }))
  await Promise.all(readers.map((reader) => reader.until("retry")))
  await bare.ask({ op: "pace", rate, seconds, kind: "event" })
  const sorted = await plain.result()
  closeAll(readers)
  return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) }
}

export const floor = async (bare: Child): Promise<Floor> => {
  const { times = [] } = await bare.ask({ op: "commits" })
  const sorted = times.toSorted((a, b) => a - b)
  return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) }
}
