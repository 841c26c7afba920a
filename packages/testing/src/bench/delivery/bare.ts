/**
 * The baseline: `node:http` and better-sqlite3 with nothing else. It sends the same bytes in the same batches, with back-pressure
 * (it waits for `drain`); without back-pressure it would only fill memory.
 */
import Sqlite from "@millrace/sqlite-driver"
import { createServer, type ServerResponse } from "node:http"
import { mkdtempSync, rmSync } from "node:fs"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { performance } from "node:perf_hooks"
import { type Answer, type Ask, mark } from "./Messages.ts"

const epoch = process.argv[2] ?? ""
const synchronous = process.argv[3] ?? "FULL"
const connected = new Set<ServerResponse>()
let batches: ReadonlyArray<{ readonly frames: Buffer; readonly jsons: ReadonlyArray<string> }> = []
let file = ""

const frame = (row: { readonly offset: number; readonly json: string }) => `data: ${row.json}\nid: ${epoch}-${row.offset}\n\n`

const drained = (response: ServerResponse) =>
  new Promise<void>((done) => {
    const go = () => {
      response.off("drain", go)
      response.off("close", go)
      done()
    }
    response.on("drain", go)
    response.on("close", go)
  })

/** Sends rows as the product stores them, page by page, to one client. */
const scan = async (response: ServerResponse, after: number) => {
  const db = new Sqlite(file, { readonly: true })
  const page = db.prepare("SELECT offset, json FROM events WHERE offset > ? ORDER BY offset LIMIT 1000")
  for (let from = after; ;) {
    const rows = page.all(from) as ReadonlyArray<{ readonly offset: number; readonly json: string }>
    const last = rows.at(-1)
    if (last === undefined) break
    from = last.offset
    if (!response.write(Buffer.from(rows.map(frame).join("")))) await drained(response)
  }
  db.close()
  response.end()
}

const server = createServer((request, response) => {
  response.writeHead(200, { "content-type": "text/event-stream" })
  const after = new URL(request.url ?? "/", "http://localhost").searchParams.get("scan")
  if (after !== null) return void scan(response, Number(after))
  response.write("retry: 1000\n\n")
  connected.add(response)
  response.on("close", () => connected.delete(response))
})

const load = (ask: Extract<Ask, { readonly op: "load" }>): Answer => {
  file = ask.file
  const db = new Sqlite(file, { readonly: true })
  const rows = db
    .prepare("SELECT offset, json FROM events WHERE offset > ? ORDER BY offset LIMIT ?")
    .all(ask.after, ask.events) as ReadonlyArray<{ readonly offset: number; readonly json: string }>
  db.close()
  const groups = Array.from({ length: Math.ceil(rows.length / ask.batch) }, (_, n) =>
    rows.slice(n * ask.batch, (n + 1) * ask.batch)
  )
  batches = groups.map((group) => ({ frames: Buffer.from(group.map(frame).join("")), jsons: group.map(({ json }) => json) }))
  return { events: rows.length, bytes: batches.reduce((sum, { frames }) => sum + frames.length, 0) }
}

/** A table like the product's, in a separate file, with FULL. */
const openStore = () => {
  const directory = mkdtempSync(join(tmpdir(), "millrace-bare-"))
  const db = new Sqlite(join(directory, "bare.db"))
  for (const pragma of ["journal_mode = WAL", `synchronous = ${synchronous}`]) db.pragma(pragma)
  db.exec(
    "CREATE TABLE events (offset INTEGER PRIMARY KEY, stream INTEGER NOT NULL, version INTEGER NOT NULL, type TEXT NOT NULL, json TEXT NOT NULL) STRICT"
  )
  const insert = db.prepare("INSERT INTO events VALUES (NULL, 1, ?, 'item.delta', ?)")
  const [begin, commit] = [db.prepare("BEGIN IMMEDIATE"), db.prepare("COMMIT")]
  return {
    write: (jsons: ReadonlyArray<string>) => {
      begin.run()
      for (const [n, json] of jsons.entries()) insert.run(n, json)
      commit.run()
    },
    close: () => {
      db.close()
      rmSync(directory, { recursive: true, force: true })
    }
  }
}

const fanOut = async ({ store }: Extract<Ask, { readonly op: "fan-out" }>): Promise<Answer> => {
  const open = store ? openStore() : undefined
  const cpu = process.cpuUsage()
  const started = performance.now()
  for (const { frames, jsons } of batches) {
    open?.write(jsons)
    const full: Array<ServerResponse> = []
    for (const response of connected) if (!response.write(frames)) full.push(response)
    if (full.length > 0) await Promise.all(full.map(drained))
    else await new Promise((done) => setImmediate(done))
  }
  const millis = performance.now() - started
  const { system, user } = process.cpuUsage(cpu)
  open?.close()
  return { millis, cpuMillis: (system + user) / 1000 }
}

/** One durable row and one write to each reader, at a steady rate; each carries its start time. */
const pace = async ({ rate, seconds }: Extract<Ask, { readonly op: "pace" }>): Promise<Answer> => {
  const open = openStore()
  const total = Math.round(rate * seconds)
  const started = performance.now()
  for (let sent = 0; sent < total;) {
    const due = Math.min(total, Math.floor(((performance.now() - started) * rate) / 1000) + 1)
    for (; sent < due; sent++) {
      const json = JSON.stringify({ offset: sent, type: "provider.event", data: { text: mark(), more: "x".repeat(250) } })
      open.write([json])
      const bytes = Buffer.from(frame({ offset: sent, json }))
      for (const response of connected) response.write(bytes)
    }
    await new Promise((done) => setTimeout(done, Math.max(0, started + (sent * 1000) / rate - performance.now())))
  }
  const millis = performance.now() - started
  open.close()
  return { events: total, millis }
}

/** Latency of one durable row on this disk at a steady rate: the lower bound for the delivery of an event. */
const commits = async (): Promise<Answer> => {
  const open = openStore()
  const times: Array<number> = []
  const json = batches[0]?.jsons[0] ?? "{}"
  for (let n = 0; n < 300; n++) {
    const started = performance.now()
    open.write([json])
    times.push(performance.now() - started)
    await new Promise((done) => setTimeout(done, 2))
  }
  open.close()
  return { times }
}

const answer = async (ask: Ask): Promise<Answer> => {
  switch (ask.op) {
    case "load":
      return load(ask)
    case "fan-out":
      return fanOut(ask)
    case "pace":
      return pace(ask)
    case "commits":
      return commits()
    case "stop":
      return process.exit(0)
    default:
      return { error: `${ask.op} is not for this process` }
  }
}

process.on("message", (message) => void answer(message as Ask).then((said) => process.send?.(said)))
server.listen(0, "127.0.0.1", () => process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }))
