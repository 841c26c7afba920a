// Scripted local model endpoint that speaks the Anthropic Messages API (streaming SSE and plain JSON).
// Loopback only; no dependencies.   node endpoint.mjs [--port 0] [--log requests.jsonl]
// Prints {"port":N} when it listens. Directives in the newest user text decide the answer:
//   [[say text="hello"]]  [[deltas n=20 size=8 every=0]]  [[shell cmd="echo hi"]]  [[tool name=Write args="{...}"]]
// A notice of Claude Code (background work has ended) is answered after --notice-delay MS with "NOTIFICATION ANSWER".
//   [[echo]] answers which of the words ALPHA and BETA the conversation has.
//   [[think n=3]]  [[hang after=3]]  [[cut after=3]]  [[status code=529]]  [[limit reset=EPOCH]] (of an account, with its headers)
import http from "node:http"
import fs from "node:fs"

const arg = (n, d) => {
  const i = process.argv.indexOf("--" + n)
  return i < 0 ? d : process.argv[i + 1]
}
const logFile = arg("log", "")
const noticeDelay = Number(arg("notice-delay", 0))
const sleep = (ms) => new Promise((r) => setTimeout(r, ms))
let seq = 0
const HANG = Symbol("hang"),
  CUT = Symbol("cut")

const directives = (text) =>
  [...text.matchAll(/\[\[(\w+)((?:\s+\w+=(?:"(?:[^"\\]|\\.)*"|\S+?))*)\s*\]\]/g)].map((m) => {
    const o = { name_: m[1] }
    for (const kv of m[2].matchAll(/(\w+)=("(?:[^"\\]|\\.)*"|\S+)/g)) o[kv[1]] = kv[2].startsWith('"') ? JSON.parse(kv[2]) : kv[2]
    return o
  })
const blocks = (c) => (typeof c === "string" ? [{ type: "text", text: c }] : (c ?? []))
const isNotice = (m) => m.role === "user" && JSON.stringify(m.content).includes("<task-notification>")
/** The types of the images in the messages, also in tool results. */
const seen = (messages) =>
  messages
    .flatMap((m) => blocks(m.content))
    .flatMap((b) => (b.type === "tool_result" ? blocks(b.content) : [b]))
    .flatMap((b) => (b.type === "image" ? [`${b.source?.type} ${b.source?.media_type}`] : []))
    .join(", ") || "no image"
/** The newest user message with directives, and whether a tool result or a notice follows it. */
const plan = (messages) => {
  let ds = [],
    at = -1,
    tool = -1,
    notice = -1
  messages.forEach((m, i) => {
    if (m.role !== "user") return
    if (isNotice(m)) notice = i
    const d = directives(
      blocks(m.content)
        .filter((b) => b.type === "text")
        .map((b) => b.text)
        .join("\n")
    )
    if (d.length) {
      ds = d
      at = i
    }
    if (blocks(m.content).some((b) => b.type === "tool_result")) tool = i
  })
  return notice > at
    ? { ds: [{ name_: "say", text: "NOTIFICATION ANSWER" }], afterTool: false, noticed: true }
    : { ds, afterTool: tool > at, noticed: false }
}
async function* texts(ds) {
  for (const d of ds) {
    if (d.name_ === "say") for (const w of String(d.text).split(/(?<= )/)) yield w
    else if (d.name_ === "deltas") {
      for (let i = 0; i < Number(d.n ?? 10); i++) {
        const s = `d${i}@${Date.now()} `
        yield Number(d.size ?? 0) > s.length ? s + "x".repeat(d.size - s.length - 1) + " " : s
        if (Number(d.every ?? 0) > 0) await sleep(Number(d.every))
      }
    } else if (d.name_ === "hang" || d.name_ === "cut") {
      for (let i = 0; i < Number(d.after ?? 3); i++) yield `d${i}@${Date.now()} `
      yield d.name_ === "hang" ? HANG : CUT
    }
  }
}
const write = (res, type, data) => {
  const ok = res.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`)
  if (ok || res.destroyed) return undefined
  return new Promise((r) => {
    const go = () => {
      res.off("drain", go)
      res.off("close", go)
      r()
    }
    res.on("drain", go)
    res.on("close", go)
  })
}
async function messages(body, res) {
  const { ds, afterTool, noticed } = plan(body.messages ?? [])
  if (noticed && noticeDelay > 0) await sleep(noticeDelay)
  const limit = ds.find((d) => d.name_ === "limit")
  if (limit) {
    const unified = { status: "rejected", reset: limit.reset, "representative-claim": "five_hour", "5h-reset": limit.reset }
    const headers = Object.entries(unified).map(([name, value]) => [`anthropic-ratelimit-unified-${name}`, value])
    res.writeHead(429, { "content-type": "application/json", "x-should-retry": "false", ...Object.fromEntries(headers) })
    return void res.end(JSON.stringify({ type: "error", error: { type: "rate_limit_error", message: "scripted limit" } }))
  }
  const fail = ds.find((d) => d.name_ === "status")
  if (fail)
    return void res.writeHead(Number(fail.code), { "content-type": "application/json" }).end(
      JSON.stringify({
        type: "error",
        error: { type: Number(fail.code) >= 500 ? "overloaded_error" : "invalid_request_error", message: "scripted failure" }
      })
    )
  const id = `msg_${++seq}`
  const names = (body.tools ?? []).map((t) => t.name)
  const shell = ds.find((d) => d.name_ === "shell"),
    tool = ds.find((d) => d.name_ === "tool")
  const call =
    afterTool || names.length === 0
      ? undefined
      : shell
        ? { name: "Bash", input: { command: shell.cmd, description: "Run a command" } }
        : tool
          ? { name: tool.name, input: JSON.parse(tool.args ?? "{}") }
          : undefined
  const heard = (body.messages ?? []).map((m) => JSON.stringify(m.content)).join(" ")
  const speak = afterTool
    ? [{ name_: "say", text: "The tool finished; all done." }]
    : ds.map((d) =>
        d.name_ === "echo"
          ? { name_: "say", text: heard.match(/ALPHA|BETA/g)?.join(" ") ?? "none" }
          : d.name_ === "seen"
            ? { name_: "say", text: seen(body.messages ?? []) }
            : d
      )
  const base = {
    id,
    type: "message",
    role: "assistant",
    model: body.model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 100, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 1 }
  }
  if (!body.stream) {
    let text = ""
    for await (const t of texts(speak)) if (typeof t === "string") text += t
    return void res.writeHead(200, { "content-type": "application/json" }).end(
      JSON.stringify({
        ...base,
        content: [{ type: "text", text: text || "ok" }],
        stop_reason: "end_turn",
        usage: { input_tokens: 100, output_tokens: 5 }
      })
    )
  }
  res.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" })
  await write(res, "message_start", { message: base })
  let index = -1,
    open = false,
    n = 0
  const think = afterTool ? undefined : ds.find((d) => d.name_ === "think")
  if (think) {
    index++
    await write(res, "content_block_start", { index, content_block: { type: "thinking", thinking: "", signature: "" } })
    for (let i = 0; i < Number(think.n ?? 3); i++)
      await write(res, "content_block_delta", { index, delta: { type: "thinking_delta", thinking: `thought${i} ` } })
    await write(res, "content_block_delta", { index, delta: { type: "signature_delta", signature: "c2lnbmF0dXJl" } })
    await write(res, "content_block_stop", { index })
  }
  for await (const t of texts(
    call && !speak.some((d) => ["say", "deltas"].includes(d.name_)) ? [] : speak.length ? speak : [{ name_: "say", text: "ok" }]
  )) {
    if (t === HANG) {
      await new Promise((r) => res.once("close", r))
      return
    }
    if (t === CUT) {
      await sleep(60)
      res.destroy()
      return
    }
    if (res.destroyed) return
    if (!open) {
      open = true
      index++
      await write(res, "content_block_start", { index, content_block: { type: "text", text: "" } })
    }
    n++
    await write(res, "content_block_delta", { index, delta: { type: "text_delta", text: t } })
  }
  if (open) await write(res, "content_block_stop", { index })
  if (call) {
    index++
    await write(res, "content_block_start", {
      index,
      content_block: { type: "tool_use", id: `toolu_${seq}`, name: call.name, input: {} }
    })
    const json = JSON.stringify(call.input)
    for (let i = 0; i < json.length; i += 20)
      await write(res, "content_block_delta", { index, delta: { type: "input_json_delta", partial_json: json.slice(i, i + 20) } })
    await write(res, "content_block_stop", { index })
  }
  await write(res, "message_delta", {
    delta: { stop_reason: call ? "tool_use" : "end_turn", stop_sequence: null },
    usage: { output_tokens: n + 1 }
  })
  await write(res, "message_stop", {})
  res.end()
}
const server = http.createServer((req, res) => {
  const chunks = []
  req.on("data", (c) => chunks.push(c))
  req.on("end", async () => {
    let body = {}
    try {
      body = JSON.parse(Buffer.concat(chunks).toString("utf8") || "{}")
    } catch {}
    if (logFile)
      fs.appendFileSync(
        logFile,
        JSON.stringify({ at: Date.now(), method: req.method, url: req.url, headers: req.headers, body }) + "\n"
      )
    try {
      if (req.method === "POST" && /\/v1\/messages\/count_tokens/.test(req.url))
        return void res.writeHead(200, { "content-type": "application/json" }).end('{"input_tokens":100}')
      if (req.method === "POST" && /\/v1\/messages/.test(req.url)) return await messages(body, res)
      if (/\/v1\/models/.test(req.url))
        return void res.writeHead(200, { "content-type": "application/json" }).end('{"data":[],"has_more":false}')
      res.writeHead(req.method === "HEAD" ? 200 : 404, { "content-type": "application/json" }).end("{}")
    } catch (e) {
      if (!res.headersSent) res.writeHead(500)
      res.end(String(e))
    }
  })
})
server.listen(Number(arg("port", 0)), "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })))
