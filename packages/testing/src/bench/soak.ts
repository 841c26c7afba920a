/**
 * Memory, the event loop and the disk under an endless flood: the program that users run, and three ACP agents that make 5,000 tool calls in each
 * turn. `pnpm bench soak [MINUTES] [CALLS]` (default 10 and 5,000; build first). Prints a line for each minute, then how long the server takes to
 * stop under that load. Events are packed after a minute, so from the third minute on packing runs too. Memory must be flat after the first minute (R7), and
 * the file at most 1.2 times what it has to keep.
 *
 * To see what uses the memory, start it with NODE_OPTIONS=--heapsnapshot-signal=SIGUSR2 and send SIGUSR2 to the printed process id; the snapshot
 * is written to the working directory.
 */
import { Effect } from "effect"
import { mkdirSync, writeFileSync } from "node:fs"
import { loadavg } from "node:os"
import { join, resolve } from "node:path"
import { performance } from "node:perf_hooks"
import * as ServerProcess from "../ServerProcess.ts"
import * as Disk from "./soak/Disk.ts"

const agents = ["one", "two", "three"]
const minutes = Number(process.argv[3] ?? 10)
const calls = Number(process.argv[4] ?? 5_000)
const agent = resolve(import.meta.dirname, "soak/agent.mjs")

const say = (line: string) => void process.stdout.write(`${line}\n`)

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`

/** One value of `/metrics`, without labels. */
const valueIn = (metrics: string, name: string): number =>
  Number(new RegExp(`^${name} (.+)$`, "m").exec(metrics)?.[1] ?? Number.NaN)

interface Api {
  readonly text: (path: string) => Promise<string>
  readonly post: (path: string, body: unknown) => Promise<{ readonly threadId?: string }>
}

const api = ({ token, url }: ServerProcess.Ready): Api => {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" }
  const call = async (path: string, init: RequestInit) => {
    const response = await fetch(new URL(path, url), { ...init, headers })
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`)
    return response
  }
  return {
    text: async (path) => (await call(path, {})).text(),
    post: async (path, body) =>
      (await call(path, { method: "POST", body: JSON.stringify(body) })).json() as Promise<{ readonly threadId?: string }>
  }
}

/** Memory of a later minute, at most this part of that of the first. */
const flat = 1.1
/** The file, at most this part of what it has to keep. */
const full = 1.2

const judged = (name: string, value: number, target: number): void =>
  say(`  ${name}: ${value.toFixed(2)} (target ${target}: ${value <= target ? "held" : "MISSED"})`)

const figures = async ({ text }: Api) => {
  const metrics = await text("/metrics")
  const disk = JSON.parse(await text("/api/log")) as {
    readonly fileBytes: number
    readonly coldBytes: number
    readonly freeBytes: number
  }
  return {
    disk,
    at: performance.now(),
    rss: valueIn(metrics, "process_resident_memory_bytes") / 1e6,
    heap: valueIn(metrics, "nodejs_heap_size_used_bytes") / 1e6,
    external: valueIn(metrics, "nodejs_external_memory_bytes") / 1e6,
    head: valueIn(metrics, "millrace_log_head"),
    p50: valueIn(metrics, "nodejs_eventloop_delay_p50_seconds") * 1000,
    p99: valueIn(metrics, "nodejs_eventloop_delay_p99_seconds") * 1000,
    max: valueIn(metrics, "nodejs_eventloop_delay_max_seconds") * 1000
  }
}

/** Each thread has one running and one queued turn. */
const feed = async ({ post, text }: Api, threads: ReadonlyArray<string>) => {
  for (const id of threads) {
    const { queuedTurnIds } = JSON.parse(await text(`/api/threads/${id}`)) as { readonly queuedTurnIds: ReadonlyArray<string> }
    if (queuedTurnIds.length < 2) await post(`/api/threads/${id}/turns`, { text: "go" })
  }
}

const soak = (server: ServerProcess.ServerProcess, cwd: string) =>
  Effect.gen(function* () {
    const client = api(server)
    const threads: Array<string> = []
    for (const provider of agents) {
      const { threadId } = yield* Effect.promise(() => client.post("/api/threads", { provider, cwd, turn: { text: "go" } }))
      if (threadId !== undefined) threads.push(threadId)
    }
    say(
      `server ${server.pid}; minute, memory, heap, outside the heap, events, events/s, event loop p50, p99, longest gap, log file, packed, free, load`
    )
    const memory: Array<number> = []
    const samples: Array<Disk.Sample> = []
    let before = yield* Effect.promise(() => figures(client))
    const start = performance.now()
    for (let minute = 1; minute <= minutes; minute++) {
      while (performance.now() < start + minute * 60_000) {
        yield* Effect.promise(() => feed(client, threads))
        yield* Effect.sleep("1 second")
      }
      const now = yield* Effect.promise(() => figures(client))
      const rate = (now.head - before.head) / ((now.at - before.at) / 1000)
      const { coldBytes: cold, fileBytes: file, freeBytes: free } = now.disk
      memory.push(now.rss)
      samples.push({ minute, head: now.head, file, cold, free })
      say(
        `  ${minute}: ${now.rss.toFixed(0)} MB, ${now.heap.toFixed(0)} MB, ${now.external.toFixed(0)} MB, ${now.head}, ${rate.toFixed(0)}/s, ` +
          `${now.p50.toFixed(1)} ms, ${now.p99.toFixed(1)} ms, ${now.max.toFixed(1)} ms, ` +
          `${megabytes(file)}, ${megabytes(cold)}, ${megabytes(free)}, ${(loadavg()[0] ?? 0).toFixed(1)}`
      )
      before = now
    }
    const began = performance.now()
    yield* server.kill("SIGTERM")
    const { code, stderr } = yield* server.ended
    say(stderr.trimEnd())
    say(`  stopped in ${((performance.now() - began) / 1000).toFixed(1)} s under that load, exit code ${code ?? "none"}`)
    const head = samples.at(-1)?.head ?? 0
    const tables = Disk.tablesOf(join(server.dataDir, "log.db"), head)
    say(
      `  tables with their indexes: ${tables.bytes
        .slice(0, 6)
        .map(([table, bytes]) => `${table} ${megabytes(bytes)}`)
        .join(", ")}`
    )
    say(
      `  in the file, an event that is not packed: ${tables.perHotEvent.toFixed(0)} bytes; rows of the read models: ${tables.perEvent.toFixed(0)} bytes per event`
    )
    const [first = Number.NaN, ...later] = memory
    judged("memory of the largest later minute / the first", Math.max(...later) / first, flat)
    judged(
      "file / (segments, read models, events of the hot window), the worst minute",
      Math.max(...Disk.ratios(samples, tables)),
      full
    )
  })

export const run = Effect.gen(function* () {
  const directory = yield* ServerProcess.temporaryDirectory
  const dataDir = join(directory, "data")
  mkdirSync(dataDir)
  const provider = { kind: "acp", command: process.execPath, args: [agent, String(calls)] }
  const configuration = {
    providers: Object.fromEntries(agents.map((name) => [name, provider])),
    log: { coldAfter: Disk.coldAfterMinutes }
  }
  writeFileSync(join(dataDir, "millrace.config.json"), JSON.stringify(configuration))
  say(`soak, ${minutes} minutes, ${agents.length} agents with ${calls} tool calls per turn, Node ${process.version}`)
  const server = yield* ServerProcess.serve({ dataDir, cwd: directory })
  yield* soak(server, directory)
}).pipe(Effect.scoped)
