#!/usr/bin/env node
// Stands in for `claude`: plays its side of a transcript as the client's messages come. CLAUDE_CONFIG_DIR names the transcript, with `#2` for its
// second process. A process that was started without --resume where the recorded one had it is a third sort: it begins the transcript anew.
import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"

if (process.argv.includes("--version")) {
  console.log("2.1.197 (Claude Code)")
  process.exit(0)
}
const [file, named = "1"] = (process.env.CLAUDE_CONFIG_DIR ?? "").split("#")
const nth = named !== "1" && !process.argv.includes("--resume") ? "1" : named
const all = readFileSync(file, "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line))

/** What makes two of the client's messages the same: an answer is one to the same question. */
const kind = (msg) =>
  msg.type === "control_request"
    ? `request ${msg.request.subtype}`
    : msg.type === "control_response"
      ? `answer ${msg.response.request_id} ${msg.response.response?.behavior} ${msg.response.response?.interrupt === true}`
      : msg.type

/** The lines of the nth process: each begins with `initialize`. */
const starts = all.flatMap(({ dir, msg }, at) => (dir === "out" && kind(msg) === "request initialize" ? [at] : []))
const lines = all.slice(starts[Number(nth) - 1], starts[Number(nth)])

/** The recorded id of a request → this client's. */
const ids = new Map()
let at = 0
const write = (message) => process.stdout.write(`${JSON.stringify(message)}\n`)

const say = (msg) => {
  if (msg.type !== "control_response") return write(msg)
  const id = ids.get(msg.response.request_id)
  if (id !== undefined) write({ ...msg, response: { ...msg.response, request_id: id } })
}
const note = (msg) => {
  if (msg.action === "SIGKILL") process.kill(process.pid, "SIGKILL")
  if (msg.exit === undefined || msg.exit.code === null || msg.exit.code === 0) return
  process.stderr.write(`${msg.stderr}\n`)
  // After what was written has left.
  process.stdout.write("", () => process.exit(msg.exit.code))
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

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const msg = JSON.parse(line)
    const found = lines.findIndex(({ dir, msg: recorded }, index) => index >= at && dir === "out" && kind(recorded) === kind(msg))
    if (found < 0) {
      if (msg.type === "control_request")
        write({
          type: "control_response",
          response: { subtype: "error", request_id: msg.request_id, error: `not in this transcript: ${kind(msg)}` }
        })
      return
    }
    play(found)
    if (msg.type === "control_request") ids.set(lines[found].msg.request_id, msg.request_id)
    at = found + 1
    play()
  })
  .on("close", () => process.exit(0))
