/** The results as a table, and as Markdown, JSON and a picture in docs/benchmarks. */
import { spawnSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { cpus } from "node:os"
import { resolve } from "node:path"
import type * as Latency from "./Latency.ts"
import type * as Measures from "./Measures.ts"
import type { Transports } from "./Transports.ts"

export interface Results {
  /** Load average of the machine when the bench began. Above 0, other processes were running. */
  readonly load: number
  readonly floor: Latency.Floor
  readonly latency: ReadonlyArray<Latency.Latency>
  /** Events committed per second without readers, 64 per commit. */
  readonly appendsAlone: number
  readonly fanOut: ReadonlyArray<Measures.FanOut>
  readonly replay: Measures.Replay
  readonly resume: ReadonlyArray<Measures.Resume>
  readonly memory: Measures.Memory
  readonly transports: Transports
}

interface Target {
  readonly what: string
  readonly measured: string
  readonly met: boolean
}

const int = (n: number) => Math.round(n).toLocaleString("en")
const ms = (n: number) => `${n.toFixed(n < 10 ? 1 : 0)} ms`
/** A difference of two readings. A garbage collection between them can make it negative, which counts as zero. */
const mebi = (n: number) => `${Math.max(0, n).toFixed(1)} MiB`
const two = (n: number) => n.toFixed(2)

export const targets = (results: Results): ReadonlyArray<Target> => {
  const at = (rate: number, readers: number) => results.latency.find((one) => one.rate === rate && one.readers === readers)
  const fifty = results.fanOut.find((one) => one.readers === 50 && one.synchronous === "FULL")
  const idle = results.memory.idle.at(-1)
  const { stalled } = results.memory
  const crowded = at(500, 200)
  const below = (what: string, value: number | undefined, limit: number, show: (n: number) => string): Target => ({
    what,
    measured: value === undefined ? "not measured" : show(value),
    met: value !== undefined && value <= limit
  })
  const above = (what: string, value: number | undefined, limit: number, show: (n: number) => string): Target => ({
    what,
    measured: value === undefined ? "not measured" : show(value),
    met: value !== undefined && value >= limit
  })
  const paced = (rate: number, readers: number, limit: number) => {
    const one = at(rate, readers)
    const rounds = one?.p99OfRounds?.map(ms).join(", ") ?? "one"
    return below(
      `${rate} events/s × ${readers} readers: p99 < ${limit} ms`,
      one?.p99,
      limit,
      (p99) => `${ms(p99)} (rounds: ${rounds})`
    )
  }
  return [
    paced(500, 10, 10),
    paced(100, 200, 40),
    above("frames/s to 50 readers ≥ 500,000", fifty?.ours, 500_000, int),
    above("fan-out to 50 readers ≥ 0.6 of bare node:http", fifty?.ratio, 0.6, two),
    above("replay ≥ 200,000 rows/s", results.replay.rowsPerSecond, 200_000, int),
    above("replay ≥ 0.5 of bare scan + node:http", results.replay.ratio, 0.5, two),
    ...results.resume.map(({ p50, rows }) => below(`resume at the end of ${int(rows)} rows < 2 ms`, p50, 2, ms)),
    above("producer at 500 events/s keeps ≥ 0.9 of its rate with 200 readers", crowded?.pace, 0.9, two),
    above("producer at full speed keeps ≥ 0.9 of its rate with 50 readers", fifty?.kept, 0.9, two),
    below("stalled reader ≤ 8 MiB", stalled.heapMiB, 8, mebi),
    below(
      `RPC reader ≤ 1.3 of an SSE reader's processor time, ${results.transports.readers} readers of ${int(results.transports.events)} events`,
      results.transports.ratio,
      1.3,
      two
    ),
    { what: "stalled reader completes without a gap", measured: stalled.complete ? "yes" : "no", met: stalled.complete },
    below(`${int(idle?.readers ?? 0)} idle readers ≤ 64 KiB each`, idle?.heapKiB, 64, (n) => `${n.toFixed(0)} KiB`)
  ]
}

type Cells = ReadonlyArray<string>

const sections = (
  results: Results
): ReadonlyArray<{ readonly title: string; readonly head: Cells; readonly rows: ReadonlyArray<Cells> }> => [
  {
    title: "At a fixed rate: from the agent's event to the client's read",
    head: [
      "what",
      "events/s",
      "readers",
      "p50",
      "p99",
      "longest",
      "bare p50",
      "bare p99",
      "rate kept",
      "server, share of a core",
      "longest event loop delay"
    ],
    rows: results.latency.map((one) => [
      one.what,
      int(one.rate),
      int(one.readers),
      ms(one.p50),
      ms(one.p99),
      ms(one.max),
      one.bare === undefined ? "" : ms(one.bare.p50),
      one.bare === undefined ? "" : ms(one.bare.p99),
      two(one.pace),
      two(one.cpu),
      ms(one.loopMax)
    ])
  },
  {
    title: "At full speed: frames/s of all readers together, 64 events per commit",
    head: [
      "synchronous",
      "readers",
      "ours",
      "bare node:http",
      "ratio",
      "bare SQLite + node:http",
      "ratio",
      "CPU per million, ours",
      "bare",
      "events/s committed",
      "of the rate without readers"
    ],
    rows: results.fanOut.map((one) => [
      one.synchronous,
      int(one.readers),
      int(one.ours),
      int(one.bare),
      two(one.ratio),
      int(one.bareStored),
      two(one.ratioStored),
      `${int(one.cpu)} ms`,
      `${int(one.bareCpu)} ms`,
      int(one.appends),
      two(one.kept)
    ])
  },
  {
    title: "Replay: one reader that lags",
    head: ["rows", "rows/s", "MB/s", "bare scan + node:http, rows/s", "ratio", "as NDJSON, rows/s"],
    rows: [
      [
        int(results.replay.rows),
        int(results.replay.rowsPerSecond),
        int(results.replay.megabytesPerSecond),
        int(results.replay.bareRowsPerSecond),
        two(results.replay.ratio),
        int(results.replay.ndjsonRowsPerSecond)
      ]
    ]
  },
  {
    title: "Transports: processor time of the server per event and reader, in microseconds",
    head: ["readers", "events", "SSE", "RPC", "ratio", "SSE, rounds", "RPC, rounds"],
    rows: [
      [
        int(results.transports.readers),
        int(results.transports.events),
        two(results.transports.sse),
        two(results.transports.rpc),
        two(results.transports.ratio),
        results.transports.sseRounds.map(two).join(", "),
        results.transports.rpcRounds.map(two).join(", ")
      ]
    ]
  },
  {
    title: "Resume at the end: new connection, Last-Event-ID, until caught-up",
    head: ["rows in the log", "p50", "longest", "bare node:http answer, p50"],
    rows: results.resume.map((one) => [int(one.rows), ms(one.p50), ms(one.max), ms(one.bare)])
  },
  {
    title: "Memory of readers, in the server",
    head: ["readers", "heap each", "resident each"],
    rows: [
      ...results.memory.idle.map((one) => [
        `${int(one.readers)} idle`,
        `${one.heapKiB.toFixed(0)} KiB`,
        `${one.rssKiB.toFixed(0)} KiB`
      ]),
      [
        `1 stalled, ${int(results.memory.stalled.events)} events (${results.memory.stalled.sentMiB.toFixed(0)} MiB) behind`,
        mebi(results.memory.stalled.heapMiB),
        mebi(results.memory.stalled.rssMiB)
      ]
    ]
  }
]

const conditions = (results: Results) =>
  `Node ${process.versions.node}, ${cpus().length} cores (${cpus()[0]?.model.trim() ?? "unknown"}); server and clients are two processes on loopback; load average of the machine ${results.load.toFixed(1)} at the start. ` +
  `At the start one durable row took this disk ${ms(results.floor.p50)} at the median and ${ms(results.floor.p99)} at the 99th percentile, the lower bound of every latency. ` +
  `Without readers, ${int(results.appendsAlone)} events/s are committed.`

/** The table for the terminal. */
export const table = (results: Results): string => {
  const lines = [conditions(results)]
  for (const { head, rows, title } of sections(results)) {
    const widths = head.map((cell, n) => Math.max(cell.length, ...rows.map((row) => (row[n] ?? "").length)))
    const line = (cells: Cells) => `  ${cells.map((cell, n) => cell.padEnd(widths[n] ?? 0)).join("  ")}`.trimEnd()
    lines.push("", title, line(head), ...rows.map(line))
  }
  lines.push("", "Targets")
  for (const { measured, met, what } of targets(results)) lines.push(`  ${met ? "held  " : "MISSED"}  ${what}: ${measured}`)
  return `${lines.join("\n")}\n`
}

const markdown = (results: Results): string => {
  const tableOf = (head: Cells, rows: ReadonlyArray<Cells>) =>
    [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n")
  return `${[
    "# Delivery, measured",
    "Written by `pnpm bench delivery`; the raw numbers are in [delivery.json](delivery.json). Absolute figures depend on the machine and its load; each ratio is of one run.",
    "![latency and throughput](delivery.svg)",
    conditions(results),
    "## Targets",
    tableOf(
      ["target", "measured", ""],
      targets(results).map(({ measured, met, what }) => [what, measured, met ? "held" : "**missed**"])
    ),
    ...sections(results).flatMap(({ head, rows, title }) => [`## ${title}`, tableOf(head, rows)])
  ].join("\n\n")}\n`
}

const escape = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

/** Two panels: latency on a logarithmic scale, throughput against the bare servers. */
const svg = (results: Results): string => {
  const parts: Array<string> = []
  const text = (x: number, y: number, said: string, more = "") =>
    parts.push(`<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escape(said)}</text>`)
  const bar = (x: number, y: number, width: number, height: number, fill: string) =>
    parts.push(
      `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${width.toFixed(1)}" height="${Math.max(0.5, height).toFixed(1)}" fill="${fill}"/>`
    )

  const rows = results.latency
  const width = 420
  const [least, most] = [0.1, 1000]
  const x = (millis: number) => (width * Math.log10(Math.max(millis, least) / least)) / Math.log10(most / least)
  text(
    20,
    28,
    "Agent's event to client's read, ms: p50, p99; red: p99 of a bare durable row and node:http at the same rate",
    'font-weight="600"'
  )
  const left = 190
  for (const tick of [0.1, 1, 10, 100, 1000]) {
    parts.push(`<line x1="${left + x(tick)}" y1="40" x2="${left + x(tick)}" y2="${44 + rows.length * 26}" stroke="#ddd"/>`)
    text(left + x(tick), 58 + rows.length * 26, String(tick), 'text-anchor="middle" fill="#666"')
  }
  for (const [n, one] of rows.entries()) {
    const y = 46 + n * 26
    text(left - 8, y + 14, `${one.what.startsWith("text") ? "text, " : ""}${one.rate}/s × ${one.readers}`, 'text-anchor="end"')
    bar(left, y, x(one.p99), 18, "#b9d3e8")
    bar(left, y + 4, x(one.p50), 10, "#2f6f9f")
    if (one.bare !== undefined) bar(left + x(Math.min(one.bare.p99, most)), y, 2, 18, "#c0392b")
    text(left + x(one.p99) + 5, y + 13, `${one.p50.toFixed(1)}, ${one.p99.toFixed(1)}`, 'fill="#444"')
  }

  const top = 96 + rows.length * 26
  text(20, top, "Frames/s, all readers together, in millions", 'font-weight="600"')
  const greatest = Math.max(...results.fanOut.map((one) => one.bare))
  const scale = (n: number) => (n / greatest) * width
  for (const [n, one] of results.fanOut.entries()) {
    const y = top + 16 + n * 62
    text(left - 8, y + 26, `${one.readers} reader${one.readers === 1 ? "" : "s"}, ${one.synchronous}`, 'text-anchor="end"')
    const bars = [
      [one.ours, "#2f6f9f", "ours, durable"],
      [one.bareStored, "#c9a227", "bare SQLite + node:http"],
      [one.bare, "#bbb", "bare node:http"]
    ] as const
    for (const [i, [value, fill, name]] of bars.entries()) {
      bar(left, y + i * 17, scale(value), 14, fill)
      text(left + scale(value) + 5, y + 11 + i * 17, `${(value / 1e6).toFixed(2)} ${name}`, 'fill="#444"')
    }
  }
  const height = top + 30 + results.fanOut.length * 62
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="820" height="${height}" viewBox="0 0 820 ${height}" font-family="system-ui, sans-serif" font-size="12">` +
    `<rect width="820" height="${height}" fill="#fff"/>${parts.join("")}</svg>\n`
  )
}

const root = resolve(import.meta.dirname, "../../../../..")
const folder = resolve(root, "docs/benchmarks")

/** Writes the files in docs/benchmarks. */
export const write = (results: Results): void => {
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    resolve(folder, "delivery.json"),
    `${JSON.stringify({ node: process.versions.node, cores: cpus().length, ...results, targets: targets(results) }, null, 2)}\n`
  )
  writeFileSync(resolve(folder, "delivery.md"), markdown(results))
  writeFileSync(resolve(folder, "delivery.svg"), svg(results))
  spawnSync(resolve(root, "node_modules/.bin/oxfmt"), [folder])
}
