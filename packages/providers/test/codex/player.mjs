#!/usr/bin/env node
// Stands in for `codex app-server`, or for an ACP agent: plays its side of a transcript as the client's messages come. CODEX_HOME (TRANSCRIPT for
// the others) names the transcript, with `#2` for its second process. What the recorded client sent and this one does not is skipped with its answers; what only this one sends is refused.
import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"

const [file, nth = "1"] = (process.env.TRANSCRIPT ?? process.env.CODEX_HOME ?? "").split("#")
const all = readFileSync(file, "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line))

/** The lines of the nth process: each begins with `initialize`. */
const starts = all.flatMap(({ dir, msg }, at) => (dir === "out" && msg.method === "initialize" ? [at] : []))
const lines = all.slice(starts[Number(nth) - 1], starts[Number(nth)])

/** Their id of a request → this client's. */
const ids = new Map()
let at = 0
const write = (message) => process.stdout.write(`${JSON.stringify(message)}\n`)

const say = (msg) => {
  if (msg.method !== undefined) write(msg)
  else if (ids.has(msg.id)) write({ ...msg, id: ids.get(msg.id) })
}
const note = (msg) => {
  if (msg.action === "SIGKILL") process.kill(process.pid, "SIGKILL")
  if (msg.exit === undefined || msg.exit === null) return
  if (msg.stderrFirstLine) process.stderr.write(`${msg.stderrFirstLine}\n`)
  // After what was written has left.
  process.stdout.write("", () => process.exit(msg.exit.code ?? 1))
}
/** Up to, and without, the next message that the client must send. */
const play = (until) => {
  for (; at < lines.length; at++) {
    const { dir, msg } = lines[at]
    if (dir === "out" && (until === undefined || at >= until)) return
    if (dir === "in") say(msg)
    if (dir === "note") note(msg)
  }
}

const isSame = (recorded, msg) =>
  msg.method === undefined ? recorded.method === undefined && recorded.id === msg.id : recorded.method === msg.method

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const msg = JSON.parse(line)
    const found = lines.findIndex(({ dir, msg: recorded }, index) => index >= at && dir === "out" && isSame(recorded, msg))
    if (found < 0) {
      if (msg.method !== undefined && msg.id !== undefined)
        write({ id: msg.id, error: { code: -32600, message: `not in this transcript: ${msg.method}` } })
      return
    }
    play(found)
    if (msg.id !== undefined && msg.method !== undefined) ids.set(lines[found].msg.id, msg.id)
    at = found + 1
    play()
  })
  .on("close", () => process.exit(0))
