import { expect, it } from "@effect/vitest"
import * as Findings from "./Findings.ts"

const now = Date.parse("2026-11-20T09:00:00.000Z")
const gib = 1_024 ** 3
const mebi = 1_024 ** 2

const judge = (text: string, more: Partial<Findings.Metrics> = {}) =>
  Findings.of({ running: true, now, lastEventAt: now, series: Findings.parse(text), ...more })
const look = (name: string, text: string, more: Partial<Findings.Metrics> = {}) =>
  judge(text, more).find((check) => check.name === name)

/** A check's name, its metrics, and the expected status, part of the finding and part of the fix. */
const table: ReadonlyArray<
  readonly [
    name: string,
    text: string,
    status: "ok" | "note" | "wrong",
    found: string,
    fix: string | undefined,
    more?: Partial<Findings.Metrics>
  ]
> = [
  [
    "readers",
    `millrace_followers{transport="sse"} 3\nmillrace_follower_lag_events{rank="1",transport="sse",reader="my laptop"} 40000\nmillrace_followers_behind{transport="sse",events="1000"} 2`,
    "wrong",
    "a reader over sse (my laptop) is 40,000 events behind, and 1 other at least 1,000",
    'millrace token revoke "my laptop"'
  ],
  [
    "readers",
    `millrace_followers{transport="in-process"} 1\nmillrace_follower_lag_events{rank="1",transport="in-process",reader="lossless 1"} 1500`,
    "note",
    "a reader over in-process (lossless 1) is 1,500 events behind",
    "It reads slower than the log grows"
  ],
  [
    "readers",
    `millrace_followers{transport="sse"} 2\nmillrace_follower_lag_events{rank="1",transport="sse"} 999`,
    "ok",
    "2 readers connected, none far behind",
    undefined
  ],
  ["readers", `millrace_followers{transport="sse"} 0`, "ok", "none connected", undefined],
  [
    "event loop",
    "nodejs_eventloop_delay_p99_seconds 0.02\nnodejs_eventloop_delay_max_seconds 2.5",
    "wrong",
    "stalls: delay 20 ms at p99, 2,500 ms at most",
    "slow disk"
  ],
  [
    "event loop",
    "nodejs_eventloop_delay_p99_seconds 0.03\nnodejs_eventloop_delay_max_seconds 0.1",
    "note",
    "delay 30 ms at p99",
    "slow disk"
  ],
  [
    "event loop",
    "nodejs_eventloop_delay_p99_seconds 0.001\nnodejs_eventloop_delay_max_seconds 0.01",
    "ok",
    "delay 1 ms at p99",
    undefined
  ],
  [
    "commits",
    `millrace_log_commit_seconds_count 100\nmillrace_log_commit_seconds_sum 9\nmillrace_log_commit_seconds_bucket{le="0.1"} 60`,
    "wrong",
    "90 ms each on average, 40 commits of 100 over 100 ms",
    "faster disk"
  ],
  [
    "commits",
    `millrace_log_commit_seconds_count 100\nmillrace_log_commit_seconds_sum 0.1\nmillrace_log_commit_seconds_bucket{le="0.1"} 100`,
    "ok",
    "1 ms each",
    undefined
  ],
  ["commits", "millrace_log_commit_seconds_count 0", "ok", "none since", undefined],
  ["queues", `millrace_queue_depth{queue="commands"} 600`, "wrong", "600 commands", "Overloaded"],
  [
    "queues",
    `millrace_queue_depth{queue="commands"} 0\nmillrace_queue_blocked{queue="ingestion"} 2`,
    "note",
    "2 agents wait for the log",
    "Nothing is lost"
  ],
  [
    "queues",
    `millrace_queue_depth{queue="commands"} 1\nmillrace_queue_depth{queue="ingestion"} 4`,
    "ok",
    "1 command and 4 deliveries",
    undefined
  ],
  [
    "refusals",
    `millrace_commands_refused_total{kind="StorageUnavailable"} 3`,
    "wrong",
    "3 commands could not be written",
    "full, read-only, or failing"
  ],
  ["refusals", `millrace_commands_refused_total{kind="Overloaded"} 1`, "note", "1 command rejected as Overloaded", "retry"],
  [
    "refusals",
    `millrace_http_refusals_total{kind="Unauthorized"} 250`,
    "note",
    "250 requests without a valid token",
    "millrace token list"
  ],
  [
    "refusals",
    `millrace_commands_refused_total{kind="ThreadNotFound"} 9`,
    "ok",
    "no command was rejected for lack of",
    undefined
  ],
  [
    "log size",
    `millrace_log_file_bytes{file="log"} ${2 * gib}\nmillrace_disk_free_bytes ${90 * gib}`,
    "note",
    "2.0 GiB, never trimmed",
    "larger disk"
  ],
  [
    "log size",
    `millrace_log_file_bytes{file="log"} ${2 * gib}\nmillrace_disk_free_bytes ${gib}`,
    "wrong",
    "only 1.0 GiB of disk space is left",
    "larger disk"
  ],
  [
    "log size",
    `millrace_log_file_bytes{file="log"} 1048576\nmillrace_log_file_bytes{file="wal"} ${gib}`,
    "wrong",
    "1.0 GiB in log.db-wal not yet checkpointed",
    "Close every other program that opened log.db"
  ],
  ["log size", `millrace_log_file_bytes{file="log"} ${2 * gib}\nmillrace_log_retained_from 7`, "ok", "2.0 GiB", undefined],
  ...(
    [
      [79, "ok", undefined],
      [80, "note", "retention"],
      [95, "wrong", "retention"]
    ] as const
  ).map(
    ([percent, status, fix]) =>
      [
        "log bound",
        `millrace_log_file_bytes{file="log"} ${(percent + 4) * mebi}\nmillrace_log_free_bytes ${4 * mebi}\nmillrace_log_max_bytes ${100 * mebi}`,
        status,
        `${percent} MiB of at most 100 MiB, ${percent} %`,
        fix
      ] as const
  ),
  [
    "disk share",
    `millrace_disk_free_bytes ${20 * gib}\nmillrace_disk_size_bytes ${100 * gib}`,
    "note",
    "20 % free",
    "millrace log stats"
  ],
  [
    "disk share",
    `millrace_disk_free_bytes ${gib}\nmillrace_disk_size_bytes ${100 * gib}`,
    "wrong",
    "nearly full: 1.0 % free",
    "Free some space now"
  ],
  ["disk share", `millrace_disk_free_bytes ${50 * gib}\nmillrace_disk_size_bytes ${100 * gib}`, "ok", "50 % free", undefined],
  ["agent processes", `millrace_provider_processes{provider="orphan"} 2`, "note", "2 processes without a session", "millrace ps"],
  [
    "agent processes",
    `millrace_provider_processes{provider="orphan"} 1`,
    "wrong",
    "1 process without a session, left over from an earlier server",
    "millrace serve",
    { running: false }
  ],
  [
    "agent processes",
    `millrace_provider_processes{provider="codex"} 3\nmillrace_provider_memory_bytes{provider="codex"} ${5 * gib}`,
    "note",
    "3 of codex, 5.0 GiB",
    "--idle"
  ],
  ["agent processes", `millrace_provider_processes{provider="codex"} 1`, "ok", "1 of codex", undefined],
  [
    "memory",
    `process_resident_memory_bytes ${2 * gib}\nmillrace_unread_bytes ${gib}`,
    "note",
    "2.0 GiB, 1.0 GiB of it responses that clients have not read",
    "Restart it"
  ],
  ["memory", "process_resident_memory_bytes 104857600", "ok", "100 MiB", undefined],
  [
    "people",
    "millrace_requests_open 2\nmillrace_request_oldest_seconds 7261",
    "note",
    "2 requests wait for a person, the oldest for 2h 1m",
    "millrace answer"
  ],
  [
    "people",
    "millrace_requests_open 1\nmillrace_request_oldest_seconds 60",
    "ok",
    "1 request waits for a person, the oldest for 1m",
    undefined
  ],
  ["people", "millrace_requests_open 0", "ok", "no open requests", undefined],
  ["clock", "", "wrong", "the newest event is 1m in the future", "NTP", { lastEventAt: now + 60_000 }],
  ["clock", "millrace_clock_shift_seconds -90", "wrong", "set back by 1m 30s", "NTP"],
  ["clock", "millrace_clock_shift_seconds 3600", "note", "1h ahead", undefined],
  ["clock", "millrace_clock_shift_seconds 0.01", "ok", "steady", undefined, { lastEventAt: now - 1_000 }]
]

it("D7 S6 P1 L9 every check has the expected finding, and every wrong one says what to do next", () => {
  for (const [name, text, status, found, fix, more] of table) {
    const check = look(name, text, more)
    expect(check, `${name}: ${text}`).toMatchObject({ status, found: expect.stringContaining(found) })
    if (fix === undefined) expect(check?.fix, `${name}: ${text}`).toBeUndefined()
    else expect(check?.fix, `${name}: ${text}`).toContain(fix)
    if (check?.status === "wrong") expect(check.fix, `${name}: what to do`).toBeDefined()
  }
})

it("D7 a check whose metrics are absent is left out, except that of the clock", () => {
  expect(judge("", { running: false, lastEventAt: undefined }).map(({ name }) => name)).toEqual(["clock"])
})

it("X4 names with quotes, backslashes and line ends are parsed from the metrics text unchanged", () => {
  expect(Findings.parse('# HELP x y\nx{reader="a\\"b\\\\c\\nd",n="1"} 2e3\nnot a sample\n')).toEqual([
    { name: "x", labels: { reader: 'a"b\\c\nd', n: "1" }, value: 2000 }
  ])
})
