/**
 * Memory and the event loop under an endless flood: the program that users run, and three ACP agents that make 20,000 tool calls in each
 * turn. `pnpm bench soak [MINUTES] [CALLS]` (default 5 and 20,000; build first). Prints a line for each minute, then how long the server takes to
 * stop under that load. Memory must be flat after the first minute (R7).
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

const agents = ["one", "two", "three"]
const minutes = Number(process.argv[3] ?? 5)
const calls = Number(process.argv[4] ?? 20_000)
const agent = resolve(import.meta.dirname, "soak/agent.mjs")

const say = (line: string) => void process.stdout.write(`${line}\n`)

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

const figures = async ({ text }: Api) => {
  const metrics = await text("/metrics")
  return {
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
    say(`server ${server.pid}; minute, memory, heap, outside the heap, events, events/s, event loop p50, p99, longest gap, load`)
    let before = yield* Effect.promise(() => figures(client))
    for (let minute = 1; minute <= minutes; minute++) {
      for (let second = 0; second < 60; second++) {
        yield* Effect.promise(() => feed(client, threads))
        yield* Effect.sleep("1 second")
      }
      const now = yield* Effect.promise(() => figures(client))
      const rate = (now.head - before.head) / ((now.at - before.at) / 1000)
      say(
        `  ${minute}: ${now.rss.toFixed(0)} MB, ${now.heap.toFixed(0)} MB, ${now.external.toFixed(0)} MB, ${now.head}, ${rate.toFixed(0)}/s, ` +
          `${now.p50.toFixed(1)} ms, ${now.p99.toFixed(1)} ms, ${now.max.toFixed(1)} ms, ${(loadavg()[0] ?? 0).toFixed(1)}`
      )
      before = now
    }
    const began = performance.now()
    yield* server.kill("SIGTERM")
    const { code, stderr } = yield* server.ended
    say(stderr.trimEnd())
    say(`  stopped in ${((performance.now() - began) / 1000).toFixed(1)} s under that load, exit code ${code ?? "none"}`)
  })

export const run = Effect.gen(function* () {
  const directory = yield* ServerProcess.temporaryDirectory
  const dataDir = join(directory, "data")
  mkdirSync(dataDir)
  const provider = { kind: "acp", command: process.execPath, args: [agent, String(calls)] }
  const configuration = { providers: Object.fromEntries(agents.map((name) => [name, provider])) }
  writeFileSync(join(dataDir, "millrace.config.json"), JSON.stringify(configuration))
  say(`soak, ${minutes} minutes, ${agents.length} agents with ${calls} tool calls per turn, Node ${process.version}`)
  const server = yield* ServerProcess.serve({ dataDir, cwd: directory })
  yield* soak(server, directory)
}).pipe(Effect.scoped)
