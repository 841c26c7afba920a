/**
 * What the numbers say, in words, and what to do next: the part of `millrace doctor` that looks at a running server's `/metrics`, or at what a data
 * directory tells without one. Pure; a rule whose numbers are not there says nothing (docs/operations.md).
 */
import { count, mebi, plural, size, span } from "./Amounts.ts"
import type { Check } from "./Checks.ts"

/** One number as `/metrics` writes it. */
export interface Series {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface Facts {
  /** A server runs; else the numbers are those of the directory alone. */
  readonly running: boolean
  /** Milliseconds since 1970. */
  readonly now: number
  /** Commit time of the newest event, the same. */
  readonly lastEventAt: number | undefined
  readonly series: ReadonlyArray<Series>
}

/** The samples of Prometheus text; comments and what is none are left out. */
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
type Rule = readonly [name: string, (facts: Facts) => Verdict]

const all = ({ series }: Facts, name: string) => series.filter((one) => one.name === name)
const only = (facts: Facts, name: string, labels: Readonly<Record<string, string>> = {}): number | undefined =>
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
      fix: `It reads slower than the log grows, or hangs: look at that program and its network. It loses nothing and slows nobody else.${reader === undefined || transport === "in-process" ? "" : ` To cut it off: millrace token revoke "${reader}"`}`
    }
  }
]

const loop: Rule = [
  "event loop",
  (facts) => {
    const p99 = only(facts, "nodejs_eventloop_delay_p99_seconds")
    const max = only(facts, "nodejs_eventloop_delay_max_seconds")
    if (p99 === undefined || max === undefined) return undefined
    const found = `${millis(p99)} late in 1 of 100 cases, at most ${millis(max)}, in the last minute`
    const fix =
      "The server answers late while it stalls. Look for a slow disk below, for other programs that take the processor, and for very large events."
    if (p99 >= 0.1 || max >= 1) return { status: "wrong", found: `stalls: ${found}`, fix }
    return p99 >= 0.025 || max >= 0.25 ? { status: "note", found, fix } : { status: "ok", found }
  }
]

const commits: Rule = [
  "commits",
  (facts) => {
    const commits = only(facts, "millrace_log_commit_seconds_count")
    if (commits === undefined) return undefined
    if (commits === 0) return { status: "ok", found: "none since the server began" }
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
    const said = only(facts, "millrace_queue_depth", { queue: "ingestion" }) ?? 0
    const blocked = only(facts, "millrace_queue_blocked", { queue: "ingestion" }) ?? 0
    const found = `${plural(waiting, "command")} and ${plural(said, "hand-over")} of agents wait`
    if (waiting >= 512)
      return {
        status: "wrong",
        found,
        fix: "Soon commands are refused as Overloaded: send fewer, or see commits and event loop."
      }
    if (blocked > 0)
      return {
        status: "note",
        found: `${plural(blocked, "agent")} ${blocked === 1 ? "waits" : "wait"} for the log to take what ${blocked === 1 ? "it says" : "they say"}`,
        fix: "Nothing is lost, it is late. When it stays so, see commits and event loop."
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
        found: `${plural(storage, "command")} could not be written since the server began`,
        fix: "Look at the disk of the data directory: full, read-only, or failing. Nothing half was written; the commands may be sent again."
      }
    const overloaded = of("Overloaded")
    if (overloaded > 0)
      return {
        status: "note",
        found: `${plural(overloaded, "command")} refused as Overloaded since the server began`,
        fix: "A client sends more than the server can commit; well-behaved ones wait and try again."
      }
    const denied = sum(
      all(facts, "millrace_http_refusals_total").filter(({ labels }) =>
        ["Unauthorized", "Forbidden"].includes(labels["kind"] ?? "")
      )
    )
    return denied >= 100
      ? {
          status: "note",
          found: `${plural(denied, "request")} without a good token, or from elsewhere, since the server began`,
          fix: "A client has an old token (millrace token list), or somebody tries. See who can reach this port."
        }
      : { status: "ok", found: "no command was refused for want of room or disk" }
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
        found: `${found}; ${size(wal)} of it not yet written back (log.db-wal)`,
        fix: "A program holds the database open and keeps it from being written back: close what else opened log.db, then restart the server."
      }
    const fix =
      "It keeps every event. Give the data directory a larger disk, or begin a new one with --data and keep this one as an archive."
    if (!trimmed && bytes > free) return { status: "wrong", found: `${found}, and only ${size(free)} of disk are left`, fix }
    return !trimmed && bytes >= 1_024 * mebi ? { status: "note", found, fix } : { status: "ok", found }
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
          fix: "When it is full nothing more is accepted, and agents wait. Free some space now."
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
        found: `${plural(lost, "process", "processes")} without a session${facts.running ? "" : ", left of a server that is gone"}`,
        fix: facts.running
          ? "They are being ended. When they are still there in a minute (millrace ps): restart the server, whose start ends what is left."
          : "The next start ends them: millrace serve. To see them: millrace ps"
      }
    if (!facts.running) return { status: "ok", found: "none left of an earlier server" }
    const found = some.length === 0 ? "none" : some.map(({ labels, value }) => `${value} of ${labels["provider"]}`).join(", ")
    return memory >= 4_096 * mebi
      ? {
          status: "note",
          found: `${found}, ${size(memory)} of memory`,
          fix: "See which, and why each is alive: millrace ps. End idle ones sooner: millrace serve --idle MINUTES"
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
    const found = `${size(rss)}${unread >= 16 * mebi ? `, ${size(unread)} of it answers that clients do not read` : ""}`
    return rss >= 1_536 * mebi
      ? {
          status: "note",
          found,
          fix: "More than a server of this kind needs. Restart it at a quiet moment (nothing is lost), and report what it did."
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
      "Let the machine keep its time by itself (NTP). The order of events is by offset and is not hurt; times and ages shown are."
    if (ahead > 5)
      return { status: "wrong", found: `the newest event is ${span(ahead)} in the future: the clock was set back after it`, fix }
    if (shift < -1) return { status: "wrong", found: `set back by ${span(shift)} since the server began`, fix }
    return shift > 60
      ? { status: "note", found: `${span(shift)} ahead of when the server began: it was set forward, or the machine slept` }
      : { status: "ok", found: "steady" }
  }
]

const people: Rule = [
  "people",
  (facts) => {
    const open = only(facts, "millrace_requests_open")
    if (open === undefined) return undefined
    const oldest = only(facts, "millrace_request_oldest_seconds") ?? 0
    if (open === 0) return { status: "ok", found: "nobody is waited for" }
    const found = `${plural(open, "request")} ${open === 1 ? "waits" : "wait"} for a person, since ${span(oldest)}`
    return oldest >= 3_600
      ? { status: "note", found, fix: "See and answer them: millrace requests, millrace answer REQUEST ANSWER" }
      : { status: "ok", found }
  }
]

const rules: ReadonlyArray<Rule> = [log, disk, commits, queues, refusals, loop, memory, readers, orphans, people, clock]

/** One check for each rule that has its numbers. */
export const of = (facts: Facts): ReadonlyArray<Check> =>
  rules.flatMap(([name, judge]) => {
    const verdict = judge(facts)
    return verdict === undefined ? [] : [{ name, ...verdict }]
  })
