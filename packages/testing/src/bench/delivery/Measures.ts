/** The measurements of the bench that have no fixed rate, each a function of the two server processes. */
import { performance } from "node:perf_hooks"
import type { Child } from "./Child.ts"
import * as Reader from "./Reader.ts"
import { atHead, closeAll, cursor, eventsUrl, headOf, median, openMany } from "./Readers.ts"

export interface FanOut {
  readonly synchronous: "FULL" | "NORMAL"
  readonly readers: number
  /** Frames per second of all readers together; the median of the rounds. Ours are committed first. */
  readonly ours: number
  /** Bare `node:http`. */
  readonly bare: number
  /** The same after a bare insert and commit of each batch, with our durability. */
  readonly bareStored: number
  readonly ratio: number
  readonly ratioStored: number
  /** Milliseconds of the server's processor time for a million frames, ours and bare. */
  readonly cpu: number
  readonly bareCpu: number
  /** Events committed per second while clients read, and that rate as a share of the rate without readers, measured before and after. */
  readonly appends: number
  readonly kept: number
}

export interface Replay {
  readonly rows: number
  readonly rowsPerSecond: number
  readonly megabytesPerSecond: number
  readonly bareRowsPerSecond: number
  readonly ratio: number
  readonly ndjsonRowsPerSecond: number
}

export interface Resume {
  readonly rows: number
  readonly p50: number
  readonly max: number
  /** Connection and first bytes of a bare server, p50. */
  readonly bare: number
}

export interface Memory {
  readonly idle: ReadonlyArray<{ readonly readers: number; readonly heapKiB: number; readonly rssKiB: number }>
  readonly stalled: {
    readonly events: number
    readonly sentMiB: number
    readonly heapMiB: number
    readonly rssMiB: number
    readonly complete: boolean
  }
}

const bareRound = async (bare: Child, count: number, bytes: number, store: boolean) => {
  const plain = await openMany(count, () => ({ url: bare.ready.url ?? "" }))
  const from = plain.map((reader) => reader.bytes())
  const begun = performance.now()
  // The framing of chunks is not counted; the body is the loaded bytes.
  const all = Promise.all(plain.map((reader, n) => reader.atBytes((from[n] ?? 0) + bytes - 20)))
  const { cpuMillis } = await bare.ask({ op: "fan-out", store })
  await all
  const millis = performance.now() - begun
  closeAll(plain)
  return { millis, cpuMillis: cpuMillis ?? Number.NaN }
}

/** Appends at full speed, first without readers, then with all of them, then without again; then a bare server sends the same bytes in the same batches. Alternates; returns the median of the rounds. Each ratio is of one round. */
export const fanOut = async (
  server: Child,
  bare: Child,
  options: {
    readonly synchronous: "FULL" | "NORMAL"
    readonly readers: number
    readonly events: number
    readonly batch: number
    readonly rounds: number
  }
): Promise<FanOut> => {
  const { batch, events, readers: count, rounds, synchronous } = options
  const perSecond = (millis: number) => (events * count * 1000) / millis
  const perMillion = (cpuMillis: number) => (cpuMillis * 1e6) / (events * count)
  const alone = async () => (await server.ask({ op: "append", events, batch })).millis ?? Number.NaN
  const round = async () => {
    const before = await alone()
    const { head, readers } = await atHead(server, count)
    const started = performance.now()
    const arrived = Promise.all(readers.map((reader) => reader.until(`id: ${cursor(server, head + events)}\n`)))
    const appended = await server.ask({ op: "append", events, batch })
    await arrived
    const ours = perSecond(performance.now() - started)
    closeAll(readers)
    const after = await alone()

    const { bytes } = await bare.ask({ op: "load", file: server.ready.file ?? "", after: head, events, batch })
    const plain = await bareRound(bare, count, bytes ?? 0, false)
    const stored = await bareRound(bare, count, bytes ?? 0, true)
    return {
      ours,
      appends: (events * 1000) / (appended.millis ?? Number.NaN),
      kept: (before + after) / 2 / (appended.millis ?? Number.NaN),
      cpu: perMillion(appended.cpuMillis ?? Number.NaN),
      bare: perSecond(plain.millis),
      bareCpu: perMillion(plain.cpuMillis),
      bareStored: perSecond(stored.millis)
    }
  }
  const all: Array<Awaited<ReturnType<typeof round>>> = []
  while (all.length < rounds) all.push(await round())
  const of = (value: (one: (typeof all)[number]) => number) => median(all.map(value))
  return {
    synchronous,
    readers: count,
    ours: of(({ ours }) => ours),
    bare: of(({ bare }) => bare),
    bareStored: of(({ bareStored }) => bareStored),
    ratio: of(({ bare, ours }) => ours / bare),
    ratioStored: of(({ bareStored, ours }) => ours / bareStored),
    cpu: of(({ cpu }) => cpu),
    bareCpu: of(({ bareCpu }) => bareCpu),
    appends: of(({ appends }) => appends),
    kept: of(({ kept }) => kept)
  }
}

/** Rate of durable appends without readers. */
export const appendsAlone = async (server: Child, options: { readonly events: number; readonly batch: number }) => {
  const { millis } = await server.ask({ op: "append", ...options })
  return (options.events * 1000) / (millis ?? Number.NaN)
}

/** One client reads the last `rows` rows of the log. Returns the median of the rounds; each ratio is of one round. */
export const replay = async (server: Child, bare: Child, rows: number): Promise<Replay> => {
  const head = await headOf(server)
  const after = head - rows
  await bare.ask({ op: "load", file: server.ready.file ?? "", after, events: 0, batch: 1 })
  const timed = async (options: Reader.Options, arrived: (reader: Reader.Reader) => Promise<void>) => {
    const started = performance.now()
    const reader = await Reader.open(options)
    await arrived(reader)
    const millis = performance.now() - started
    reader.close()
    return { millis, bytes: reader.bytes() }
  }
  const round = async () => ({
    ours: await timed({ url: `${eventsUrl(server)}?after=${cursor(server, after)}` }, (one) => one.until("event: caught-up")),
    plain: await timed({ url: `${bare.ready.url}/?scan=${after}` }, (one) => one.ended),
    dump: await timed({ url: eventsUrl(server), headers: { accept: "application/x-ndjson" } }, (one) => one.ended)
  })
  const all: Array<Awaited<ReturnType<typeof round>>> = []
  while (all.length < 5) all.push(await round())
  const of = (value: (one: (typeof all)[number]) => number) => median(all.map(value))
  return {
    rows,
    rowsPerSecond: of(({ ours }) => (rows * 1000) / ours.millis),
    megabytesPerSecond: of(({ ours }) => ours.bytes / 1000 / ours.millis),
    bareRowsPerSecond: of(({ plain }) => (rows * 1000) / plain.millis),
    ratio: of(({ ours, plain }) => plain.millis / ours.millis),
    ndjsonRowsPerSecond: of(({ dump }) => (head * 1000) / dump.millis)
  }
}

/** The first connections run code that V8 has not compiled yet and take twice the time. */
const resumes = { cold: 1000, counted: 200 }

/** A client that reconnects at the end of the log: from its request until it receives `caught-up`. */
export const resume = async (server: Child, bare: Child, rows: number): Promise<Resume> => {
  const missing = rows - (await headOf(server))
  if (missing > 0) await server.ask({ op: "append", events: missing, batch: 1000 })
  const head = await headOf(server)
  const timesOf = async (options: Reader.Options, part: string) => {
    const times: Array<number> = []
    for (let n = 0; n < resumes.cold + resumes.counted; n++) {
      const started = performance.now()
      const reader = await Reader.open(options)
      await reader.until(part)
      times.push(performance.now() - started)
      reader.close()
    }
    return times.slice(resumes.cold)
  }
  const ours = await timesOf({ url: eventsUrl(server), headers: { "last-event-id": cursor(server, head) } }, "event: caught-up")
  const plain = await timesOf({ url: bare.ready.url ?? "" }, "retry")
  return { rows: head, p50: median(ours), max: Math.max(...ours), bare: median(plain) }
}

const mebi = 1024 * 1024

export const memory = async (server: Child, idle: ReadonlyArray<number>, flood: number): Promise<Memory> => {
  const sizes: Array<Memory["idle"][number]> = []
  for (const count of idle) {
    const before = await server.ask({ op: "memory" })
    const { readers } = await atHead(server, count)
    const during = await server.ask({ op: "memory" })
    sizes.push({
      readers: count,
      heapKiB: ((during.heapBytes ?? 0) - (before.heapBytes ?? 0)) / count / 1024,
      rssKiB: ((during.rssBytes ?? 0) - (before.rssBytes ?? 0)) / count / 1024
    })
    closeAll(readers)
    await new Promise((done) => setTimeout(done, 300))
  }

  // Fills the ring first, so that later growth belongs to the reader.
  await server.ask({ op: "append", events: 40_000, batch: 64 })
  const before = await server.ask({ op: "memory" })
  const order = Reader.sequence((await headOf(server)) + 1)
  const { head, readers } = await atHead(server, 1, () => order.onData)
  const [stalled] = readers
  stalled?.pause()
  const { bytes } = await server.ask({ op: "append", events: flood, batch: 64 })
  const during = await server.ask({ op: "memory" })
  stalled?.resume()
  await stalled?.until(`id: ${cursor(server, head + flood)}\n`)
  closeAll(readers)
  return {
    idle: sizes,
    stalled: {
      events: flood,
      sentMiB: (bytes ?? 0) / mebi,
      heapMiB: ((during.heapBytes ?? 0) - (before.heapBytes ?? 0)) / mebi,
      rssMiB: ((during.rssBytes ?? 0) - (before.rssBytes ?? 0)) / mebi,
      complete: order.next() === head + flood + 1
    }
  }
}
