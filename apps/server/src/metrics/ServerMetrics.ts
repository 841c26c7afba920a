/**
 * All metrics, collected on request: the log, the engine, the subscribers, the agents, the machine. Counters are kept at their source and updated at most
 * once per batch; nothing here runs per event. docs/operations.md explains each metric.
 */
import { statSync } from "node:fs"
import { statfs } from "node:fs/promises"
import { join } from "node:path"
import { Clock, Context, Effect, Layer, Option } from "effect"
import type { LogUsage } from "@millrace/contracts/LogUsage"
import { EventLog } from "@millrace/log/EventLog"
import type { HostStats } from "@millrace/host/HostStats"
import * as AgentProcesses from "../AgentProcesses.ts"
import { Tokens } from "../auth/Tokens.ts"
import { LogDisk } from "../LogDisk.ts"
import { Service } from "../Service.ts"
import { Drain } from "../http/Drain.ts"
import * as Allowance from "../http/Allowance.ts"
import * as Subscribers from "../subscriptions/Subscribers.ts"
import * as EventLoopDelay from "./EventLoopDelay.ts"
import { histogram, byLabel, single, type Sample } from "./PrometheusText.ts"
import { SubscriberScheduler } from "../subscriptions/SubscriberScheduler.ts"

/** How many subscribers have separate samples: those with the largest lag. */
const rankedCount = 5
/** Thresholds of lag, in events, by which subscribers are counted. */
const lagThresholds = [100, 1_000, 10_000, 100_000]
const transports = ["sse", "rpc", "long-poll", "in-process"] as const

export class ServerMetrics extends Context.Tag("@millrace/server/ServerMetrics")<
  ServerMetrics,
  {
    /** `named`: label subscribers with the name of their token. Only for authenticated callers. */
    readonly samples: (options: { readonly named: boolean }) => Effect.Effect<ReadonlyArray<Sample>>
  }
>() {}

interface Lag {
  readonly transport: (typeof transports)[number]
  readonly name: string
  readonly lag: number
  readonly bytes: number
}

const lagsOf = (subscribers: Subscribers.Subscribers, { consumers }: HostStats, head: number): ReadonlyArray<Lag> => [
  ...Array.from(subscribers.live, (reader) => ({
    transport: reader.transport,
    name: reader.name,
    lag: Subscribers.lagOf(reader, head),
    bytes: reader.bytes
  })),
  ...consumers.map(({ name, delivered }) => ({
    transport: "in-process" as const,
    name,
    lag: Math.max(0, head - delivered),
    bytes: 0
  }))
]

const ofSubscribers = (
  subscribers: Subscribers.Subscribers,
  hostStats: HostStats,
  head: number,
  named: boolean
): ReadonlyArray<Sample> => {
  const lags = lagsOf(subscribers, hostStats, head)
  const by = (read: (lags: ReadonlyArray<Lag>) => number) =>
    transports.map((transport) => [transport, read(lags.filter((lag) => lag.transport === transport))] as const)
  const wire = Object.entries(subscribers.totals)
  const open = (transport: string) => lags.reduce((sum, lag) => (lag.transport === transport ? sum + lag.bytes : sum), 0)
  const furthest = lags.toSorted((a, b) => b.lag - a.lag).slice(0, rankedCount)
  const ranked = (read: (lag: Lag) => number) =>
    furthest.map((lag, at) => ({
      labels: { rank: String(at + 1), transport: lag.transport, ...(named && { reader: lag.name }) },
      value: read(lag)
    }))
  return [
    byLabel(
      "millrace_followers",
      "gauge",
      "Connected subscribers of the log.",
      "transport",
      by(({ length }) => length)
    ),
    byLabel(
      "millrace_follower_lag_events_max",
      "gauge",
      "Largest lag of a subscriber, in events.",
      "transport",
      by((some) => some.reduce((max, { lag }) => Math.max(max, lag), 0))
    ),
    {
      name: "millrace_followers_behind",
      type: "gauge",
      help: "Subscribers with at least this lag, in events.",
      values: transports.flatMap((transport) =>
        lagThresholds.map((events) => ({
          labels: { transport, events: String(events) },
          value: lags.filter((lag) => lag.transport === transport && lag.lag >= events).length
        }))
      )
    },
    {
      name: "millrace_follower_lag_events",
      type: "gauge",
      help: `Lag in events of the ${rankedCount} subscribers with the largest lag.`,
      values: ranked(({ lag }) => lag)
    },
    {
      name: "millrace_follower_bytes",
      type: "gauge",
      help: `Bytes sent to the ${rankedCount} subscribers with the largest lag.`,
      values: ranked(({ bytes }) => bytes)
    },
    byLabel(
      "millrace_follower_bytes_total",
      "counter",
      "Bytes of events sent to subscribers.",
      "transport",
      wire.map(([transport, { bytes }]) => [transport, bytes + open(transport)])
    ),
    {
      name: "millrace_follower_attaches_total",
      type: "counter",
      help: "Attaches of subscribers: at the start of the log, or resumed from a position.",
      values: wire.flatMap(([transport, { resumed, started }]) => [
        { labels: { transport, from: "start" }, value: started },
        { labels: { transport, from: "position" }, value: resumed }
      ])
    }
  ]
}

/** Limits on agents (R7), and the turns that wait because of them. */
const ofPlaces = ({ bounds, limited, live, waiting }: HostStats["engine"]["places"]): ReadonlyArray<Sample> => [
  single("millrace_agents_live", "gauge", "Agent sessions that hold a place.", live),
  byLabel("millrace_agents_limit", "gauge", "Maximum number of live agents; 0 = no limit.", "bound", Object.entries(bounds)),
  byLabel(
    "millrace_turns_waiting",
    "gauge",
    "Threads whose next turn waits for a place, or for the end of a usage limit.",
    "reason",
    Object.entries(waiting)
  ),
  byLabel(
    "millrace_provider_limited",
    "gauge",
    "1: the account of this provider has reached its usage limit, and new turns wait.",
    "provider",
    limited.map((provider) => [provider, 1] as const)
  )
]

/** Limits of one token (R7). */
const ofAllowance = ({ bounds, refused }: Allowance.AllowanceStats): ReadonlyArray<Sample> => [
  byLabel("millrace_token_limit", "gauge", "Limits of one token; 0 = no limit.", "bound", Object.entries(bounds)),
  byLabel(
    "millrace_limited_total",
    "counter",
    "Requests and streams rejected beyond those limits.",
    "kind",
    Object.entries(refused)
  )
]

const ofHost = ({ engine, requests, sessions }: HostStats, now: number): ReadonlyArray<Sample> => {
  const { commands, facts } = engine.lanes
  const live = new Map<string, number>()
  for (const { provider } of sessions) live.set(provider, (live.get(provider) ?? 0) + 1)
  const lane = (read: (lane: typeof facts) => number) => [
    ["commands", read(commands)] as const,
    ["ingestion", read(facts)] as const
  ]
  return [
    byLabel(
      "millrace_queue_depth",
      "gauge",
      "Commands, or deliveries of agents, that wait for the engine.",
      "queue",
      lane(({ count }) => count)
    ),
    byLabel(
      "millrace_queue_bytes",
      "gauge",
      "Approximate size of that queue.",
      "queue",
      lane(({ weight }) => weight)
    ),
    byLabel(
      "millrace_queue_blocked",
      "gauge",
      "Producers blocked by back-pressure; for ingestion: agents whose output is not read.",
      "queue",
      lane(({ outside }) => outside)
    ),
    single("millrace_commands_total", "counter", "Decided commands.", engine.commands),
    single("millrace_facts_total", "counter", "Deliveries of agents to the log.", engine.facts),
    byLabel(
      "millrace_commands_refused_total",
      "counter",
      "Commands not accepted, by reason.",
      "kind",
      Object.entries(engine.refused)
    ),
    ...ofPlaces(engine.places),
    byLabel("millrace_sessions", "gauge", "Live agent sessions.", "provider", live),
    ...(requests === undefined
      ? []
      : [
          single("millrace_requests_open", "gauge", "Requests that wait for a person, counted up to 1,000.", requests.open),
          single(
            "millrace_request_oldest_seconds",
            "gauge",
            "Age of the oldest open request.",
            requests.oldestAt === undefined ? 0 : Math.max(0, (now - Date.parse(requests.oldestAt)) / 1000)
          )
        ])
  ]
}

/** Agent processes by provider. Processes of an ended or unknown session are `orphan`: the server is ending them, or they escaped. */
const ofAgents = (children: ReadonlyArray<AgentProcesses.AgentProcess>, { sessions }: HostStats): ReadonlyArray<Sample> => {
  const known = new Map(sessions.map(({ epoch, provider, threadId }) => [`${threadId} ${epoch}`, provider]))
  const processes = new Map<string, number>()
  const memory = new Map<string, number>()
  for (const child of children) {
    if (!child.alive) continue
    const provider = known.get(`${child.threadId} ${child.epoch}`) ?? "orphan"
    processes.set(provider, (processes.get(provider) ?? 0) + (child.processes ?? 1))
    memory.set(provider, (memory.get(provider) ?? 0) + (child.memoryBytes ?? 0))
  }
  return [
    byLabel("millrace_provider_processes", "gauge", "Agent processes, with their child processes.", "provider", processes),
    byLabel(
      "millrace_provider_memory_bytes",
      "gauge",
      "Resident memory of those processes; 0 where there is no /proc.",
      "provider",
      memory
    )
  ]
}

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0

/** The last measurement, at most little more than a minute old. Empty until the first measurement has ended. */
const ofUsage = (usage: Option.Option<LogUsage>): ReadonlyArray<Sample> =>
  Option.match(usage, {
    onNone: () => [],
    onSome: ({ blobBytes, bytesPerDay, coldBytes, freeBytes, maxFileBytes, otherBytes }) => [
      single("millrace_log_cold_bytes", "gauge", "Packed old events in the log's file.", coldBytes),
      single("millrace_log_free_bytes", "gauge", "Space in the log's file that is used again before it grows.", freeBytes),
      single("millrace_log_blob_bytes", "gauge", "Large values in the log's file.", blobBytes),
      single("millrace_log_bytes_per_day", "gauge", "Growth of the log, averaged over seven days.", bytesPerDay),
      ...(maxFileBytes === undefined
        ? []
        : [single("millrace_log_max_bytes", "gauge", "Configured bound of the log's file.", maxFileBytes)]),
      byLabel("millrace_data_bytes", "gauge", "Other files of the data directory.", "kind", Object.entries(otherBytes))
    ]
  })

/** Size of the log and of its file system; empty when they cannot be read. */
const ofDisk = (dataDir: string) =>
  Effect.tryPromise(() => statfs(dataDir)).pipe(
    Effect.map(({ bavail, blocks, bsize }): ReadonlyArray<Sample> => {
      const log = join(dataDir, "log.db")
      return [
        byLabel("millrace_log_file_bytes", "gauge", "Size of the log on disk.", "file", [
          ["log", sizeOf(log)],
          ["wal", sizeOf(`${log}-wal`)]
        ]),
        single("millrace_disk_free_bytes", "gauge", "Free space on the file system of the log.", bavail * bsize),
        single("millrace_disk_size_bytes", "gauge", "Size of that file system.", blocks * bsize)
      ]
    }),
    Effect.orElseSucceed((): ReadonlyArray<Sample> => [])
  )

const ofProcess = (delay: EventLoopDelay.Delay, now: number): ReadonlyArray<Sample> => {
  const memory = process.memoryUsage()
  return [
    single("process_resident_memory_bytes", "gauge", "Resident memory.", memory.rss),
    single("nodejs_heap_size_used_bytes", "gauge", "Used heap.", memory.heapUsed),
    single("nodejs_external_memory_bytes", "gauge", "Memory outside the heap.", memory.external),
    single("process_uptime_seconds", "gauge", "Time since the process started, by the monotonic clock.", process.uptime()),
    single(
      "millrace_clock_shift_seconds",
      "gauge",
      "Shift of the wall clock against the monotonic clock: below 0 it was set back; above 0 it was set forward, or the machine slept.",
      (now - performance.timeOrigin - performance.now()) / 1000
    ),
    single("nodejs_eventloop_delay_p50_seconds", "gauge", "Event loop delay of the last minute, median.", delay.p50),
    single("nodejs_eventloop_delay_p99_seconds", "gauge", "Event loop delay of the last minute, 99th percentile.", delay.p99),
    single("nodejs_eventloop_delay_max_seconds", "gauge", "Event loop delay of the last minute, maximum.", delay.max)
  ]
}

const make = Effect.gen(function* () {
  const log = yield* EventLog
  const drain = yield* Drain
  const scheduler = yield* SubscriberScheduler
  const service = yield* Service
  const subscribers = yield* Subscribers.Registry
  const allowance = yield* Allowance.Current
  const { dataDir } = yield* Tokens
  const disk = yield* LogDisk
  const loop = yield* EventLoopDelay.make
  // Cached, because it walks over /proc.
  const children = yield* Effect.cachedWithTTL(AgentProcesses.list(dataDir), "5 seconds")
  const samples = Effect.fn("ServerMetrics.samples")(function* ({ named }: { readonly named: boolean }) {
    const stats = yield* log.stats
    const hostStats = yield* service.stats
    const now = yield* Clock.currentTimeMillis
    const { calls, http, unread, upgraded } = drain.connections()
    return [
      single("millrace_log_head", "gauge", "Last committed offset.", stats.head),
      single("millrace_log_retained_from", "gauge", "Events at and below this offset were trimmed.", yield* log.retainedFrom),
      single("millrace_log_batches_total", "counter", "Append transactions.", stats.batches),
      single("millrace_log_statements_total", "counter", "SQL statements of appends.", stats.statements),
      single("millrace_log_events_total", "counter", "Events appended.", stats.events),
      single("millrace_log_bytes_total", "counter", "Bytes of event JSON appended.", stats.bytes),
      histogram("millrace_log_batch_events", "Events of each append.", stats.perBatch.events),
      histogram("millrace_log_batch_bytes", "Bytes of event JSON of each append.", stats.perBatch.bytes),
      histogram("millrace_log_commit_seconds", "Time of each append's transaction.", stats.perBatch.seconds),
      single("millrace_log_ring_bytes", "gauge", "Bytes of recent events kept in memory.", stats.ringBytes),
      ...ofAllowance(allowance.stats()),
      ...(yield* ofDisk(dataDir)),
      ...ofUsage(yield* disk.latest),
      ...ofHost(hostStats, now),
      ...ofAgents(yield* children, hostStats),
      ...ofSubscribers(subscribers, hostStats, stats.head, named),
      single("millrace_followers_waiting", "gauge", "Subscribers at the head of the log.", scheduler.waiting()),
      single("millrace_http_connections", "gauge", "Open HTTP connections.", http),
      single("millrace_websocket_connections", "gauge", "Open WebSockets.", upgraded),
      single("millrace_rpc_calls", "gauge", "RPC calls and streams in flight.", calls),
      single("millrace_unread_bytes", "gauge", "Responses in memory that clients have not read.", unread),
      // Read here, next to the monotonic clock that it is compared with: the samples above wait for the disk.
      ...ofProcess(loop(), yield* Clock.currentTimeMillis)
    ]
  })
  return { samples }
})

export const layer = Layer.scoped(ServerMetrics, make)
