// Scripted local model endpoint that speaks the OpenAI Responses API (SSE) and, on the same port,
// the Chat Completions API (SSE). Loopback only; no dependencies.
//
//   node endpoint.mjs [--port 0] [--log requests.jsonl]
//
// It prints one line of JSON to stdout when it listens: {"port":12345}
//
// What it answers is decided by directives in the newest user message:
//   [[deltas n=20 size=8 every=0]]   stream n text deltas of `size` characters, `every` ms apart
//   [[say text="hello"]]             stream that text, one delta per word
//   [[shell cmd="echo hi"]]          return one shell/exec tool call, then (after its output) "done"
//   [[patch file="a.txt" text="x"]]  return one apply_patch call that adds a file
//   [[reason n=3]]                   first stream n reasoning-summary deltas
//   [[hang after=3]]                 stream `after` deltas and then keep the stream open for ever
//   [[cut after=3]]                  stream `after` deltas and then close the socket (no response.completed)
//   [[status code=500]]              answer with that HTTP status
//   [[failed code=rate_limit_exceeded]]   emit response.failed
//   [[call tool=name args="{}"]]     return one call of any named function tool
//   [[goal_done]]                    call update_goal {"status":"complete"} (no quotes, survives re-quoting)
// Directives may be chained; every text delta "d<i>@<epoch ms>" carries its send time so latency is measurable.
import http from "node:http"
import fs from "node:fs"

const arg = (name, dflt) => {
  const i = process.argv.indexOf("--" + name)
  return i < 0 ? dflt : process.argv[i + 1]
}
const logFile = arg("log", "")
const sleep = (ms) => new Promise((r) => setTimeout(r, ms))
let seq = 0

const textOf = (content) =>
  typeof content === "string" ? content : (content ?? []).map((c) => c.text ?? c.input_text ?? "").join("\n")

/** Parse [[name k=v k="v v"]] directives. */
const directives = (text) =>
  [...text.matchAll(/\[\[(\w+)((?:\s+\w+=(?:"(?:[^"\\]|\\.)*"|\S+?))*)\s*\]\]/g)].map((m) => {
    const opts = {}
    for (const kv of m[2].matchAll(/(\w+)=("(?:[^"\\]|\\.)*"|\S+)/g))
      opts[kv[1]] = kv[2].startsWith('"') ? JSON.parse(kv[2]) : kv[2]
    return Object.assign({ name: m[1] }, opts)
  })

/** Decide what to do from the conversation (Responses `input` or Chat `messages`). */
const plan = (items) => {
  let lastUser = -1
  let lastTool = -1
  items.forEach((it, i) => {
    if (it.role === "user") {
      if (directives(textOf(it.content)).length > 0 || textOf(it.content).trim()) lastUser = i
    }
    if (((it.type ?? "").endsWith("_output") && String(it.call_id).startsWith("call_")) || it.role === "tool") lastTool = i
  })
  let user = -1
  items.forEach((it, i) => {
    if (it.role === "user" && directives(textOf(it.content)).length > 0) user = i
  })
  if (user < 0) user = lastUser
  const ds = user < 0 ? [] : directives(textOf(items[user].content))
  const afterTool = lastTool > user
  return { ds, afterTool, toolOutput: afterTool ? items[lastTool] : undefined }
}

async function* texts(ds) {
  for (const d of ds) {
    if (d.name === "say") {
      for (const w of String(d.text).split(/(?<= )/)) yield w
    } else if (d.name === "deltas") {
      const n = Number(d.n ?? 10)
      const size = Number(d.size ?? 0)
      const every = Number(d.every ?? 0)
      for (let i = 0; i < n; i++) {
        const s = `d${i}@${Date.now()} `
        yield size > s.length ? s + "x".repeat(size - s.length - 1) + " " : s
        if (every > 0) await sleep(every)
      }
    } else if (d.name === "hang" || d.name === "cut") {
      for (let i = 0; i < Number(d.after ?? 3); i++) yield `d${i}@${Date.now()} `
      yield d.name === "hang" ? HANG : CUT
    }
  }
}
const HANG = Symbol("hang")
const CUT = Symbol("cut")

const sse = (res, event, data) => {
  const ok = res.write((event ? `event: ${event}\n` : "") + `data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`)
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
const head = (res) => res.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" })
const usage = (n) => ({
  input_tokens: 100,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: n,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 100 + n
})

/** Choose the shell tool the agent offers and shape its arguments. */
const shellCall = (tools, cmd, extra) => {
  const flat = (tools ?? []).map((t) => t.function ?? t)
  const names = flat.map((t) => t.name ?? t.type)
  const has = (n) => names.includes(n)
  if (has("exec_command")) return { name: "exec_command", arguments: JSON.stringify({ cmd, ...extra }) }
  if (has("shell_command")) return { name: "shell_command", arguments: JSON.stringify({ command: cmd, ...extra }) }
  if (has("shell")) return { name: "shell", arguments: JSON.stringify({ command: ["bash", "-lc", cmd], ...extra }) }
  if (has("bash")) return { name: "bash", arguments: JSON.stringify({ command: cmd, description: "Runs a command", ...extra }) }
  if (has("Bash")) return { name: "Bash", arguments: JSON.stringify({ command: cmd, description: "Runs a command", ...extra }) }
  return { name: names[0] ?? "shell", arguments: JSON.stringify({ command: cmd }) }
}
const patchText = (d) =>
  `*** Begin Patch\n*** Add File: ${d.file}\n${String(d.text)
    .split("\n")
    .map((l) => "+" + l)
    .join("\n")}\n*** End Patch\n`

async function responses(body, res) {
  const rid = `resp_${++seq}`
  const { ds, afterTool } = plan(body.input ?? [])
  const fail = ds.find((d) => d.name === "status")
  if (fail)
    return void res
      .writeHead(Number(fail.code), { "content-type": "application/json" })
      .end(JSON.stringify({ error: { message: "scripted failure", type: "server_error" } }))
  head(res)
  await sse(res, "response.created", { type: "response.created", response: { id: rid, status: "in_progress" } })
  const failed = ds.find((d) => d.name === "failed")
  if (failed) {
    await sse(res, "response.failed", {
      type: "response.failed",
      response: { id: rid, status: "failed", error: { code: failed.code, message: "scripted failure" } }
    })
    return void res.end()
  }
  const output = []
  const done = async (item) => {
    output.push(item)
    await sse(res, "response.output_item.done", { type: "response.output_item.done", output_index: output.length - 1, item })
  }
  const reason = ds.find((d) => d.name === "reason")
  if (reason && !afterTool) {
    const id = `rs_${seq}`
    await sse(res, "response.output_item.added", {
      type: "response.output_item.added",
      output_index: output.length,
      item: { type: "reasoning", id, summary: [] }
    })
    await sse(res, "response.reasoning_summary_part.added", {
      type: "response.reasoning_summary_part.added",
      item_id: id,
      output_index: output.length,
      summary_index: 0,
      part: { type: "summary_text", text: "" }
    })
    let text = ""
    for (let i = 0; i < Number(reason.n ?? 3); i++) {
      const delta = `thought${i} `
      text += delta
      await sse(res, "response.reasoning_summary_text.delta", {
        type: "response.reasoning_summary_text.delta",
        item_id: id,
        output_index: output.length,
        summary_index: 0,
        delta
      })
    }
    await done({ type: "reasoning", id, summary: [{ type: "summary_text", text }], encrypted_content: null })
  }
  const goal = ds.find((d) => d.name === "goal_done") && { name: "call", tool: "update_goal", args: '{"status":"complete"}' }
  const call = afterTool ? undefined : goal || ds.find((d) => d.name === "shell" || d.name === "patch" || d.name === "call")
  const speak = afterTool ? [{ name: "say", text: "The tool finished; all done." }] : ds
  const mid = `msg_${seq}`
  let text = ""
  let opened = false
  for await (const t of texts(speak)) {
    if (t === HANG) {
      await new Promise((r) => res.once("close", r))
      return
    }
    if (t === CUT) {
      await sleep(60)
      res.destroy()
      return
    }
    if (!opened) {
      opened = true
      await sse(res, "response.output_item.added", {
        type: "response.output_item.added",
        output_index: output.length,
        item: { type: "message", id: mid, role: "assistant", content: [] }
      })
    }
    text += t
    if (res.destroyed) return
    await sse(res, "response.output_text.delta", {
      type: "response.output_text.delta",
      item_id: mid,
      output_index: output.length,
      content_index: 0,
      delta: t
    })
  }
  if (!opened && !call) {
    text = "ok"
  }
  if (text) await done({ type: "message", id: mid, role: "assistant", content: [{ type: "output_text", text }] })
  if (call) {
    const call_id = `call_${seq}`
    if (call.name === "patch") {
      const custom = (body.tools ?? []).find((t) => t.name === "apply_patch")
      await done(
        custom?.type === "custom" || !custom
          ? { type: "custom_tool_call", id: `ctc_${seq}`, call_id, name: "apply_patch", input: patchText(call) }
          : {
              type: "function_call",
              id: `fc_${seq}`,
              call_id,
              name: "apply_patch",
              arguments: JSON.stringify({ input: patchText(call) })
            }
      )
    } else if (call.name === "call") {
      await done({ type: "function_call", id: `fc_${seq}`, call_id, name: call.tool, arguments: call.args ?? "{}" })
    } else {
      const extra = call.args ? JSON.parse(call.args) : {}
      await done({ type: "function_call", id: `fc_${seq}`, call_id, ...shellCall(body.tools, call.cmd, extra) })
    }
  }
  await sse(res, "response.completed", {
    type: "response.completed",
    response: { id: rid, status: "completed", output: [], usage: usage(Math.ceil(text.length / 4)) }
  })
  res.end()
}

async function chat(body, res) {
  const id = `chatcmpl_${++seq}`
  const { ds, afterTool } = plan(body.messages ?? [])
  const base = { id, object: "chat.completion.chunk", created: Math.floor(Date.now() / 1000), model: body.model }
  const fail = ds.find((d) => d.name === "status")
  if (fail)
    return void res
      .writeHead(Number(fail.code), { "content-type": "application/json" })
      .end(JSON.stringify({ error: { message: "scripted failure", type: "server_error" } }))
  const call = afterTool || !body.tools?.length ? undefined : ds.find((d) => d.name === "shell")
  const speak = afterTool ? [{ name: "say", text: "The tool finished; all done." }] : ds
  if (!body.stream) {
    let text = ""
    for await (const t of texts(speak)) if (typeof t === "string") text += t
    return void res.writeHead(200, { "content-type": "application/json" }).end(
      JSON.stringify({
        ...base,
        object: "chat.completion",
        choices: [{ index: 0, message: { role: "assistant", content: text || "ok" }, finish_reason: "stop" }],
        usage: { prompt_tokens: 100, completion_tokens: 5, total_tokens: 105 }
      })
    )
  }
  head(res)
  const chunk = (delta, finish_reason = null, more = {}) =>
    sse(res, "", { ...base, choices: [{ index: 0, delta, finish_reason }], ...more })
  await chunk({ role: "assistant", content: "" })
  let n = 0
  for await (const t of texts(speak)) {
    if (t === HANG) {
      await new Promise((r) => res.once("close", r))
      return
    }
    if (t === CUT) {
      res.destroy()
      return
    }
    if (res.destroyed) return
    n++
    await chunk({ content: t })
  }
  if (call) {
    const c = shellCall(body.tools, call.cmd, {})
    await chunk({ tool_calls: [{ index: 0, id: `call_${seq}`, type: "function", function: { name: c.name, arguments: "" } }] })
    await chunk({ tool_calls: [{ index: 0, function: { arguments: c.arguments } }] })
  } else if (n === 0) await chunk({ content: "ok" })
  await chunk({}, call ? "tool_calls" : "stop")
  await sse(res, "", { ...base, choices: [], usage: { prompt_tokens: 100, completion_tokens: n, total_tokens: 100 + n } })
  await sse(res, "", "[DONE]")
  res.end()
}

const server = http.createServer((req, res) => {
  const chunks = []
  req.on("data", (c) => chunks.push(c))
  req.on("end", async () => {
    const raw = Buffer.concat(chunks).toString("utf8")
    let body = {}
    try {
      body = raw ? JSON.parse(raw) : {}
    } catch {}
    if (logFile)
      fs.appendFileSync(
        logFile,
        JSON.stringify({ at: Date.now(), method: req.method, url: req.url, headers: req.headers, body }) + "\n"
      )
    try {
      if (req.method === "POST" && req.url.endsWith("/responses")) return await responses(body, res)
      if (req.method === "POST" && req.url.endsWith("/chat/completions")) return await chat(body, res)
      if (/\/models/.test(req.url))
        return void res
          .writeHead(200, { "content-type": "application/json" })
          .end(JSON.stringify({ object: "list", data: [{ id: "scripted", object: "model", created: 0, owned_by: "local" }] }))
      res.writeHead(404).end("{}")
    } catch (e) {
      if (!res.headersSent) res.writeHead(500)
      res.end(String(e))
    }
  })
})
server.listen(Number(arg("port", 0)), "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })))
