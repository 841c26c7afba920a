/**
 * Diagnoses metrics and states what to do next: the part of `millrace doctor` that reads the `/metrics` of a running server, or the same metrics of a data
 * directory without one. Pure. A rule without its metrics reports nothing (docs/operations.md).
 */
import { count, mebi, plural, size, span } from "../terminal/Amounts.ts"
import type { Check } from "./Check.ts"

/** One number as `/metrics` writes it. */
export interface Series {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface Metrics {
  /** Whether a server runs. Without one the metrics describe the data directory alone. */
  readonly running: boolean
  /** Milliseconds since 1970. */
  readonly now: number
  /** Commit time of the newest event, in milliseconds since 1970. */
  readonly lastEventAt: number | undefined
  readonly series: ReadonlyArray<Series>
}

/** The samples of Prometheus text; comments and malformed lines are skipped. */
export const parse = (text: string): ReadonlyArray<Series> =>
  text.split("\n").flatMap((line) => {
    const found = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
    if (found === null) return []
    const labels: Record<string, string> = {}
    for (const [, key = "", value = ""] of (found[2] ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g))
      labels[key] = value.replace(/\\(.)/g, (_, char: string) => (char === "n" ? "\n" : char))
    return [{ name: found[1] ?? "", labels, value: Number(found[3]) }]
  })

type Verdict = Omit<Check, "name"> | undefined
type Rule = readonly [name: string, (facts: Metrics) => Verdict]

const all = ({ series }: Metrics, name: string) => series.filter((one) => one.name === name)
const only = (facts: Metrics, name: string, labels: Readonly<Record<string, string>> = {}): number | undefined =>
  all(facts, name).find((one) => Object.entries(labels).every(([key, value]) => one.labels[key] === value))?.value
const sum = (some: ReadonlyArray<Series>) => some.reduce((total, { value }) => total + value, 0)

const millis = (seconds: number) => `${count(seconds * 1_000)} ms`

const readers: Rule = [
  "readers",
  (facts) => {
    const connected = all(facts, "millrace_followers")
    if (connected.length === 0) return undefined
    const worst = all(facts, "millrace_follower_lag_events").find(({ labels }) => labels["rank"] === "1")
    const lag = worst?.value ?? 0
    const readers = sum(connected)
    const found = readers === 0 ? "none connected" : `${plural(readers, "reader")} connected, none far behind`
    if (worst === undefined || lag < 1_000) return { status: "ok", found }
    const { reader, transport } = worst.labels
    const others = sum(all(facts, "millrace_followers_behind").filter(({ labels }) => labels["events"] === "1000")) - 1
    return {
      status: lag >= 10_000 ? "wrong" : "note",
      found: `a reader over ${transport}${reader === undefined ? "" : ` (${reader})`} is ${count(lag)} events behind${others > 0 ? `, and ${plural(others, "other")} at least 1,000` : ""}`,
      fix: `It reads slower than the log grows, or hangs. Check that program and its network. It loses no events and slows no other reader.${reader === undefined || transport === "in-process" ? "" : ` To disconnect it: millrace token revoke "${reader}"`}`
    }
  }
]

const loop: Rule = [
  "event loop",
  (facts) => {
    const p99 = only(facts, "nodejs_eventloop_delay_p99_seconds")
    const max = only(facts, "nodejs_eventloop_delay_max_seconds")
    if (p99 === undefined || max === undefined) return undefined
    const found = `delay ${millis(p99)} at p99, ${millis(max)} at most, in the last minute`
    const fix =
      "The server answers late while it stalls. Check for a slow disk (see commits), for other programs that use the processor, and for very large events."
    if (p99 >= 0.1 || max >= 1) return { status: "wrong", found: `stalls: ${found}`, fix }
    return p99 >= 0.025 || max >= 0.25 ? { status: "note", found, fix } : { status: "ok", found }
  }
]

const commits: Rule = [
  "commits",
  (facts) => {
    const commits = only(facts, "millrace_log_commit_seconds_count")
    if (commits === undefined) return undefined
    if (commits === 0) return { status: "ok", found: "none since the server started" }
    const mean = (only(facts, "millrace_log_commit_seconds_sum") ?? 0) / commits
    const slow = commits - (only(facts, "millrace_log_commit_seconds_bucket", { le: "0.1" }) ?? commits)
    const found = `${millis(mean)} each on average, ${plural(slow, "commit")} of ${count(commits)} over 100 ms`
    const fix = "The disk takes long to make events durable. Move the data directory to a local, faster disk."
    return commits >= 20 && (mean >= 0.05 || slow > commits / 20) ? { status: "wrong", found, fix } : { status: "ok", found }
  }
]

const queues: Rule = [
  "queues",
  (facts) => {
    const waiting = only(facts, "millrace_queue_depth", { queue: "commands" })
    if (waiting === undefined) return undefined
    const queued = only(facts, "millrace_queue_depth", { queue: "ingestion" }) ?? 0
    const blocked = only(facts, "millrace_queue_blocked", { queue: "ingestion" }) ?? 0
    const found = `${plural(waiting, "command")} and ${plural(queued, "delivery", "deliveries")} of agents wait`
    if (waiting >= 512)
      return {
        status: "wrong",
        found,
        fix: "At 1,024 the server rejects commands as Overloaded. Send fewer, and see the checks commits and event loop."
      }
    if (blocked > 0)
      return {
        status: "note",
        found: `${plural(blocked, "agent")} ${blocked === 1 ? "waits" : "wait"} for the log to accept ${blocked === 1 ? "its" : "their"} output`,
        fix: "Nothing is lost; the output is late. If this persists, see the checks commits and event loop."
      }
    return { status: "ok", found }
  }
]

const refusals: Rule = [
  "refusals",
  (facts) => {
    if (!facts.running) return undefined
    const refused = all(facts, "millrace_commands_refused_total")
    const of = (kind: string) => sum(refused.filter(({ labels }) => labels["kind"] === kind))
    const storage = of("StorageUnavailable")
    if (storage > 0)
      return {
        status: "wrong",
        found: `${plural(storage, "command")} could not be written since the server started`,
        fix: "Check the disk of the data directory: it may be full, read-only, or failing. No command was partly written; clients may send them again."
      }
    const overloaded = of("Overloaded")
    if (overloaded > 0)
      return {
        status: "note",
        found: `${plural(overloaded, "command")} rejected as Overloaded since the server started`,
        fix: "Clients send more than the server can commit. They should wait as Retry-After says and retry with the same command id."
      }
    const denied = sum(
      all(facts, "millrace_http_refusals_total").filter(({ labels }) =>
        ["Unauthorized", "Forbidden"].includes(labels["kind"] ?? "")
      )
    )
    return denied >= 100
      ? {
          status: "note",
          found: `${plural(denied, "request")} without a valid token or without permission since the server started`,
          fix: "A client may use a revoked token (millrace token list), or a stranger may be probing the server. Check who can reach this port."
        }
      : { status: "ok", found: "no command was rejected for lack of queue space or disk" }
  }
]

const log: Rule = [
  "log size",
  (facts) => {
    const bytes = only(facts, "millrace_log_file_bytes", { file: "log" })
    if (bytes === undefined) return undefined
    const wal = only(facts, "millrace_log_file_bytes", { file: "wal" }) ?? 0
    const free = only(facts, "millrace_disk_free_bytes") ?? Number.POSITIVE_INFINITY
    const trimmed = (only(facts, "millrace_log_retained_from") ?? 0) > 0
    const found = `${size(bytes)}${trimmed ? "" : ", never trimmed"}`
    if (wal >= 256 * mebi)
      return {
        status: "wrong",
        found: `${found}; ${size(wal)} in log.db-wal not yet checkpointed`,
        fix: "Another program holds the database open and blocks the checkpoint. Close every other program that opened log.db, then restart the server."
      }
    const fix =
      "To see what takes the space: millrace log stats. Remove old events (retention in millrace.config.json), or move the data directory to a larger disk."
    if (!trimmed && bytes > free) return { status: "wrong", found: `${found}, and only ${size(free)} of disk space is left`, fix }
    return !trimmed && bytes >= 1_024 * mebi ? { status: "note", found, fix } : { status: "ok", found }
  }
]

const bound: Rule = [
  "log bound",
  (facts) => {
    const bytes = only(facts, "millrace_log_file_bytes", { file: "log" })
    const most = only(facts, "millrace_log_max_bytes")
    if (bytes === undefined || most === undefined) return undefined
    const used = bytes - (only(facts, "millrace_log_free_bytes") ?? 0)
    const found = `${size(used)} of at most ${size(most)}, ${Math.round((used / most) * 100)} %`
    const fix =
      "At the bound the server accepts no commands and agents wait. Remove old events (retention in millrace.config.json), or raise --log-max-bytes."
    if (used >= most * 0.95) return { status: "wrong", found, fix }
    return used >= most * 0.8 ? { status: "note", found, fix } : { status: "ok", found }
  }
]

const disk: Rule = [
  "disk share",
  (facts) => {
    const free = only(facts, "millrace_disk_free_bytes")
    const whole = only(facts, "millrace_disk_size_bytes")
    if (free === undefined || whole === undefined || whole === 0) return undefined
    const share = free / whole
    const found = `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} % free`
    return share < 0.02
      ? {
          status: "wrong",
          found: `nearly full: ${found}`,
          fix: "On a full disk the server accepts no commands and agents wait. Free some space now."
        }
      : share <= 0.2
        ? {
            status: "note",
            found,
            fix: "To see what the data directory takes: millrace log stats. Free some space, or move the data directory to a larger disk."
          }
        : { status: "ok", found }
  }
]

const orphans: Rule = [
  "agent processes",
  (facts) => {
    const some = all(facts, "millrace_provider_processes")
    if (!facts.running && some.length === 0) return undefined
    const lost = sum(some.filter(({ labels }) => labels["provider"] === "orphan"))
    const memory = sum(all(facts, "millrace_provider_memory_bytes"))
    if (lost > 0)
      return {
        status: facts.running ? "note" : "wrong",
        found: `${plural(lost, "process", "processes")} without a session${facts.running ? "" : ", left over from an earlier server"}`,
        fix: facts.running
          ? "The server is ending them. If they remain after a minute (millrace ps), restart the server: a start ends leftover processes."
          : "The next start ends them: millrace serve. To see them: millrace ps"
      }
    if (!facts.running) return { status: "ok", found: "none left over from an earlier server" }
    const found = some.length === 0 ? "none" : some.map(({ labels, value }) => `${value} of ${labels["provider"]}`).join(", ")
    return memory >= 4_096 * mebi
      ? {
          status: "note",
          found: `${found}, ${size(memory)} of memory`,
          fix: "See each process and why it is alive: millrace ps. To end idle ones sooner: millrace serve --idle MINUTES"
        }
      : { status: "ok", found: memory === 0 ? found : `${found}, ${size(memory)} of memory` }
  }
]

const memory: Rule = [
  "memory",
  (facts) => {
    const rss = only(facts, "process_resident_memory_bytes")
    if (rss === undefined) return undefined
    const unread = only(facts, "millrace_unread_bytes") ?? 0
    const found = `${size(rss)}${unread >= 16 * mebi ? `, ${size(unread)} of it responses that clients have not read` : ""}`
    return rss >= 1_536 * mebi
      ? {
          status: "note",
          found,
          fix: "The server should need less. Restart it while it is idle (no events are lost), and please report what it was doing."
        }
      : { status: "ok", found }
  }
]

const clock: Rule = [
  "clock",
  (facts) => {
    const shift = only(facts, "millrace_clock_shift_seconds") ?? 0
    const ahead = facts.lastEventAt === undefined ? 0 : (facts.lastEventAt - facts.now) / 1_000
    const fix =
      "Synchronize the machine's clock (NTP). The order of events stays correct (it is by offset); displayed times and ages are wrong."
    if (ahead > 5)
      return { status: "wrong", found: `the newest event is ${span(ahead)} in the future: the clock was set back after it`, fix }
    if (shift < -1) return { status: "wrong", found: `set back by ${span(shift)} since the server started`, fix }
    return shift > 60
      ? { status: "note", found: `moved ${span(shift)} ahead since the server started: it was set forward, or the machine slept` }
      : { status: "ok", found: "steady" }
  }
]

const people: Rule = [
  "people",
  (facts) => {
    const open = only(facts, "millrace_requests_open")
    if (open === undefined) return undefined
    const oldest = only(facts, "millrace_request_oldest_seconds") ?? 0
    if (open === 0) return { status: "ok", found: "no open requests" }
    const found = `${plural(open, "request")} ${open === 1 ? "waits" : "wait"} for a person, the oldest for ${span(oldest)}`
    return oldest >= 3_600
      ? { status: "note", found, fix: "See and answer them: millrace requests, millrace answer REQUEST ANSWER" }
      : { status: "ok", found }
  }
]

const rules: ReadonlyArray<Rule> = [log, bound, disk, commits, queues, refusals, loop, memory, readers, orphans, people, clock]

/** One check for each rule whose metrics are present. */
export const of = (facts: Metrics): ReadonlyArray<Check> =>
  rules.flatMap(([name, judge]) => {
    const verdict = judge(facts)
    return verdict === undefined ? [] : [{ name, ...verdict }]
  })
