#!/usr/bin/env node
// Plays an agent's side of a recorded conversation. The client's messages drive it. TRANSCRIPT, CODEX_HOME or CLAUDE_CONFIG_DIR names the recording:
// `FILE#NTH#FAULT` is the nth process of the recording, with one fault (below, or `without METHOD`, which drops those messages). In `FILE+FILE` the second
// recording continues where the first ends. The player skips messages that only the recorded client sent, with their answers. It rejects messages
// that only this client sends. Codex and ACP agents speak JSON-RPC, Claude its control protocol.
import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"

if (process.argv.includes("--version")) {
  console.log("2.1.197 (Claude Code)")
  process.exit(0)
}
const { CLAUDE_CONFIG_DIR, CODEX_HOME, TRANSCRIPT } = process.env
const isClaude = CLAUDE_CONFIG_DIR !== undefined
const [file, named = "1", fault] = (TRANSCRIPT ?? CLAUDE_CONFIG_DIR ?? CODEX_HOME ?? "").split("#")
// Unlike in the recording, a second process of Claude was started without --resume: it plays the recording from its start.
const nth = isClaude && named !== "1" && !process.argv.includes("--resume") ? "1" : named
/** All recordings get the same ACP session id, so that they can be joined. */
const read = (name) =>
  readFileSync(name, "utf8")
    .replace(/"sessionId":"[^"]*"/g, '"sessionId":"ses_played"')
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
const [all, ...later] = file.split("+").map(read)

// --- the two protocols

const rpc = {
  /** Two messages of the client match if this key is equal. An answer matches an answer to the same question. */
  kind: (msg) => msg.method ?? `answer ${msg.id}`,
  requestId: (msg) => (msg.method === undefined ? undefined : msg.id),
  /** The agent's message with the client's id in place of the recorded id. `undefined` if this client did not send that request. */
  toClient: (msg, ids) => (msg.method !== undefined ? msg : ids.has(msg.id) ? { ...msg, id: ids.get(msg.id) } : undefined),
  refusal: (id, message) => ({ id, error: { code: -32600, message } }),
  isText: (msg) => msg.method === "item/agentMessage/delta" || msg.params?.update?.sessionUpdate === "agent_message_chunk",
  isAnswer: (msg) => msg.method === undefined,
  news: (text) => [
    { method: "kit/future", params: { new: true } },
    ...(text.params.update === undefined
      ? [
          { method: "item/started", params: { ...text.params, item: { type: "hologram", id: "h1", depth: 3 } } },
          {
            method: "item/completed",
            params: { ...text.params, item: { type: "hologram", id: "h1", depth: 3, status: "foggy" } }
          }
        ]
      : [{ ...text, params: { ...text.params, update: { sessionUpdate: "kit_future", new: true } } }])
  ],
  question: { id: "kit", method: "kit/ask", params: {} }
}
const claude = {
  kind: (msg) =>
    msg.type === "control_request"
      ? `request ${msg.request.subtype}`
      : msg.type === "control_response"
        ? `answer ${msg.response.request_id} ${msg.response.response?.behavior} ${msg.response.response?.interrupt === true}`
        : msg.type,
  requestId: (msg) => (msg.type === "control_request" ? msg.request_id : undefined),
  toClient: (msg, ids) => {
    if (msg.type !== "control_response") return msg
    const request_id = ids.get(msg.response.request_id)
    return request_id === undefined ? undefined : { ...msg, response: { ...msg.response, request_id } }
  },
  refusal: (request_id, error) => ({ type: "control_response", response: { subtype: "error", request_id, error } }),
  isText: (msg) => msg.event?.delta?.type === "text_delta",
  isAnswer: (msg) => msg.type === "control_response",
  news: (text) => [
    { type: "kit_future", new: true },
    { type: "system", subtype: "kit_future" },
    { ...text, event: { type: "kit_future" } }
  ],
  question: { type: "control_request", request_id: "kit", request: { subtype: "kit_ask" } }
}
const { isAnswer, isText, kind, news, question, refusal, requestId, toClient } = isClaude ? claude : rpc

// --- faults: each occurs once, after the agent's first text. Pipes are synchronous: a write waits for the reader.

const put = (text) => process.stdout.write(text)
const write = (message) => put(`${JSON.stringify(message)}\n`)
/** True after a request that the client does not know, until the client answers it. Meanwhile the player writes no output. */
let held = false
const faults = {
  exit: () => process.exit(0),
  garbage: () => put('this line is not JSON\n{"half":\n[1, 2, 3]\n\n'),
  // The line is longer than 32 MiB.
  oversize: () => {
    const mebibyte = "~".repeat(1 << 20)
    for (let n = 0; n < 33; n++) put(mebibyte)
    put("\n")
  },
  burst: (text) => {
    for (let n = 0; n < 20_000; n++) write(isClaude ? { ...text, uuid: `kit-${n}` } : text)
  },
  news: (text) => {
    for (const message of news(text)) write(message)
    held = true
    write(question)
  }
}
let due = fault in faults ? faults[fault] : undefined
const say = (message) => {
  if (message.method !== undefined && fault === `without ${message.method}`) return
  write(message)
  if (fault === "twice" && !isAnswer(message)) write(message)
  if (due === undefined || !isText(message)) return
  const now = due
  due = undefined
  now(message)
}

// --- playing

/** The lines of the nth process: each begins with `initialize`. */
const first = isClaude ? "request initialize" : "initialize"
const starts = all.flatMap(({ dir, msg }, at) => (dir === "out" && kind(msg) === first ? [at] : []))
const lines = [
  all.slice(starts[Number(nth) - 1], starts[Number(nth)]),
  ...later.map((recording) => recording.slice(recording.findIndex(({ msg }) => msg.method === "session/prompt")))
].flat()
/** This client's request id by the recorded id. */
const ids = new Map()
let at = 0

const note = (msg) => {
  if (msg.action === "SIGKILL") process.kill(process.pid, "SIGKILL")
  if (msg.exit === undefined || msg.exit === null || (isClaude && !msg.exit.code)) return
  const words = msg.stderrFirstLine ?? msg.stderr
  if (words) process.stderr.write(`${words}\n`)
  // Exits after the written output has been flushed.
  process.stdout.write("", () => process.exit(msg.exit.code ?? 1))
}
/** Plays up to the next message that the client must send, and not that message. */
const play = (until) => {
  for (; at < lines.length; at++) {
    if (held) return
    const { dir, msg } = lines[at]
    if (dir === "out" && (until === undefined || at >= until)) return
    if (dir === "note") note(msg)
    const message = dir === "in" ? toClient(msg, ids) : undefined
    if (message !== undefined) say(message)
  }
}

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const msg = JSON.parse(line)
    if (held && (msg.id ?? msg.response?.request_id) === "kit") {
      held = false
      return play()
    }
    const found = lines.findIndex(({ dir, msg: recorded }, index) => index >= at && dir === "out" && kind(recorded) === kind(msg))
    const id = requestId(msg)
    // An agent under load: the request gets no answer, or this error.
    if (msg.method === "turn/start" && fault === "silent") return
    if (msg.method === "turn/start" && fault === "overloaded")
      return write({ id, error: { code: -32001, message: "Server overloaded; retry later." } })
    if (found < 0 || (fault === "lost" && /^thread\/(resume|fork)$/.test(msg.method))) {
      const words =
        fault === "lost" ? `no rollout found for thread id ${msg.params?.threadId}` : `not in this transcript: ${kind(msg)}`
      return id === undefined ? undefined : write(refusal(id, words))
    }
    play(found)
    if (id !== undefined) ids.set(requestId(lines[found].msg), id)
    at = found + 1
    play()
  })
  .on("close", () => process.exit(0))
