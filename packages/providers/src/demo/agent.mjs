#!/usr/bin/env node
// @ts-check
/**
 * The demo agent: a scripted agent without account or install. Plain Node, no dependencies; speaks newline-delimited JSON-RPC 2.0 on its pipes.
 *
 *   requests to it      initialize {protocol}                       -> {name, version, protocol}
 *                       session/open {cwd, resumeKey?, settings?, mcpServers?: [{name, command, args, env} | {name, url, headers}]} -> {session, resumed}
 *                       session/configure {settings}                -> {}             replaces all settings, for the next turn
 *                       turn/start {text, attachments?: [{name, mediaType, path}]}  -> {turn}    its end is `turn/ended`
 *                       turn/interrupt {turn}                       -> {}             after `turn/ended`; -32002 when that turn does not run
 *   requests from it    approval {turn, request, item, title, command, cwd, choices, takes}    -> {decision, reason?, input?: {command}}
 *                       approval {turn, request, item, title, choices, options: [{optionId, label, kind}]}  -> {decision?, optionId?}
 *                       question {turn, request, title, questions: [{id, text}]}        -> {answers: {id: [text]}}
 *   notifications       turn/started {turn} · turn/plan {turn, steps} · turn/ended {turn, outcome, error?, reason?, usage?}
 *                       turn/usage {turn, usage} while text is streamed, item/progress {turn, item, progress} while a command runs: a few a second
 *                       item/started {turn, item, parent?, kind, content} · item/delta {turn, item, kind, text}
 *                       item/completed {turn, item, parent?, kind, status, content, files?: [{name, mediaType, base64}]}
 *                       session/report {mode?, commands?: [{name, description}], context?: {tokens, window}, limits?: [{name, usedPercent}]}
 *                       session/idle {} · request/cancelled {request, reason} · background/started {task, turn, millis} · background/ended {task}
 *
 * The text of a command or a flood is in its deltas only: the client joins them.
 * It stores nothing and answers each prompt from the prompt alone, so a resumed session loses nothing.
 * An interrupted turn leaves its open item uncompleted, as real agents do.
 */
import { spawn } from "node:child_process"
import { createHash, randomUUID } from "node:crypto"
import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { connect } from "./mcp.mjs"
import { crc32, deflateSync } from "node:zlib"

/** @typedef {{ name: string, text: string }} Directive */
/** @typedef {{ turn: string, asked: number, counted: number, abort: AbortController, said: number, items: number, outcome?: "interrupted" }} Turn */

const names = new Set([
  "say",
  "deltas",
  "think",
  "plan",
  "run",
  "image",
  "diff",
  "subagent",
  "mcp",
  "ask",
  "choose",
  "mode",
  "commands",
  "context",
  "limit",
  "sleep",
  "hang",
  "idle",
  "background",
  "fail",
  "auth",
  "exit",
  "garbage",
  "flood"
])
const wordMillis = 12
/** Maximum milliseconds for streaming one message word by word. */
const sayMillis = 2000
/** Lines per write; between two writes the agent reads its input. */
const batch = 256
/** Milliseconds between two progress reports of a turn or a command. */
const tickMillis = 250

let cwd = process.cwd()
/** @type {Record<string, unknown>} the settings of the thread, for `[[mode]]` */
let settings = {}
/** @type {ReadonlyArray<import("./mcp.mjs").Server>} */
let mcpServers = []
/** @type {Map<string, Promise<import("./mcp.mjs").Client>>} connections, made with the first call */
const clients = new Map()
let hanging = false
let ids = 0
/** @type {Turn | undefined} */
let current
/** @type {Set<string>} commands accepted for the session */
const accepted = new Set()
/** @type {Map<string, (answer: unknown) => void>} */
const asked = new Map()
/** @type {Set<number>} leaders of running commands' groups */
const groups = new Set()

// --- the pipe

/** Writes; resolves when the pipe accepts more. @param {string} text @returns {Promise<void> | undefined} */
const write = (text) =>
  process.stdout.write(text) ? undefined : new Promise((resolve) => process.stdout.once("drain", () => resolve()))
/** @param {Record<string, unknown>} message */
const line = (message) => `${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`
/** @param {string} method @param {Record<string, unknown>} params */
const notify = (method, params) => write(line({ method, params }))

/** Asks the person; `undefined` when the turn was interrupted first. @param {Turn} turn @param {string} method @param {Record<string, unknown>} params @returns {Promise<unknown>} */
const ask = (turn, method, params) => {
  const request = `q${++ids}`
  return new Promise((resolve) => {
    const interrupted = () => {
      if (!asked.delete(request)) return
      notify("request/cancelled", { request, reason: "the turn was interrupted" })
      resolve(undefined)
    }
    asked.set(request, (answer) => {
      asked.delete(request)
      turn.abort.signal.removeEventListener("abort", interrupted)
      resolve(answer)
    })
    turn.abort.signal.addEventListener("abort", interrupted, { once: true })
    write(line({ id: request, method, params: { turn: turn.turn, request, ...params } }))
  })
}

// --- time

/** Thrown at the point where an interrupted turn waits. */
class Interrupted extends Error {}
/** Thrown by `[[fail TEXT]]` and by invalid directives. */
class Failed extends Error {}
/** Thrown by `[[auth]]` until the file `signed-in` exists in the project directory. */
class NotSignedIn extends Error {}

/** @param {Turn} turn */
const listen = (turn) =>
  new Promise((resolve, reject) =>
    setImmediate(() => (turn.abort.signal.aborted ? reject(new Interrupted()) : resolve(undefined)))
  )
/** @param {Turn} turn @param {number} millis @returns {Promise<void>} */
const sleep = (turn, millis) =>
  new Promise((resolve, reject) => {
    if (turn.abort.signal.aborted) return reject(new Interrupted())
    const stop = () => {
      clearTimeout(timer)
      reject(new Interrupted())
    }
    const timer = setTimeout(() => {
      turn.abort.signal.removeEventListener("abort", stop)
      resolve()
    }, millis)
    turn.abort.signal.addEventListener("abort", stop, { once: true })
  })

// --- items

/** `parent`: the item of the sub-agent that makes this one. @param {Turn} turn @param {string} kind @param {Record<string, unknown>} content @param {string} [parent] */
const begin = (turn, kind, content, parent) => {
  const at = { turn: turn.turn, item: `i${++turn.items}`, parent, kind }
  notify("item/started", { ...at, content })
  return {
    ...at,
    /** @param {string} text */
    delta: (text) => line({ method: "item/delta", params: { ...at, text } }),
    /** @param {string} status @param {Record<string, unknown>} last @param {ReadonlyArray<object>} [files] */
    end: (status, last, files) => notify("item/completed", { ...at, status, content: { ...content, ...last }, files })
  }
}

/** @param {Turn} turn */
const usage = (turn) => ({ inputTokens: turn.asked, outputTokens: turn.said, totalTokens: turn.asked + turn.said })
/** A report of the turn's tokens so far, at most one every `tickMillis`; empty when none is due. @param {Turn} turn */
const count = (turn) => {
  const now = performance.now()
  if (now - turn.counted < tickMillis) return ""
  turn.counted = now
  return line({ method: "turn/usage", params: { turn: turn.turn, usage: usage(turn) } })
}

/** Streams pieces, one every `millis`; 0 = as fast as the pipe takes them. @param {Turn} turn @param {string} kind @param {Iterable<string>} pieces @param {number} millis */
const stream = async (turn, kind, pieces, millis) => {
  const item = begin(turn, kind, {})
  let whole = ""
  let pending = count(turn)
  let lines = 0
  for (const text of pieces) {
    if (millis > 0) await sleep(turn, millis)
    whole += text
    pending += item.delta(text)
    turn.said++
    if (millis > 0 || ++lines % batch === 0) {
      await write(pending + count(turn))
      pending = ""
      if (millis === 0) await listen(turn)
    }
  }
  if (pending !== "") await write(pending)
  await item.end("completed", { text: whole })
}

/** Words with the white space that follows them: together they are the text. @param {string} text */
const words = (text) => text.match(/\s*\S+\s*/g) ?? (text === "" ? [] : [text])
/** @param {Turn} turn @param {string} kind @param {string} text */
const say = (turn, kind, text) => {
  const pieces = words(text)
  return stream(turn, kind, pieces, Math.min(wordMillis, sayMillis / Math.max(1, pieces.length)))
}

/** @param {Directive} directive @param {number} at @param {string} what */
const number = (directive, at, what) => {
  const text = directive.text.split(/\s+/)[at] ?? ""
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value))
    throw new Failed(`[[${directive.name} ${directive.text}]]: ${what} must be a whole number, 0 or more`)
  return value
}

// --- commands

/** @param {number} group */
const killGroup = (group) => {
  try {
    process.kill(-group, "SIGKILL")
  } catch {
    // The group has already ended.
  }
}

/** @param {Turn} turn @param {import("node:stream").Readable} from @returns {AsyncGenerator<string>} */
const untilAborted = async function* (turn, from) {
  try {
    yield* from
  } catch (cause) {
    if (!turn.abort.signal.aborted) throw cause
  }
}

/** @param {Turn} turn @param {string} asked */
const run = async (turn, asked) => {
  const item = begin(turn, "command", { command: asked, cwd })
  let command = asked
  // As the thread is set: two modes change nothing, and one does not ask.
  const mode = settings["permissionMode"]
  if (mode === "plan" || mode === "read-only") return item.end("declined", {})
  if (mode !== "full-access" && !accepted.has(command)) {
    const answer = await ask(turn, "approval", {
      item: item.item,
      title: `Run: ${command}`,
      command,
      cwd,
      choices: ["accept", "accept-for-session", "decline", "cancel"],
      takes: ["reason", "input"]
    })
    if (turn.abort.signal.aborted) throw new Interrupted()
    const { decision, input, reason } =
      /** @type {{ decision?: unknown, reason?: unknown, input?: { command?: unknown } } | undefined} */ (answer) ?? {}
    // A person may change the command before it runs.
    if (typeof input?.command === "string") command = input.command
    if (decision === "accept-for-session") accepted.add(command)
    else if (decision !== "accept") {
      await item.end("declined", {})
      if (decision === "cancel") throw new Interrupted("the approval was cancelled")
      if (typeof reason === "string") await say(turn, "agent-message", `You declined: ${reason}`)
      return
    }
  }
  const started = Date.now()
  // A separate process group, so that an interrupt kills the whole command and not the agent.
  const child = spawn("/bin/sh", ["-c", command], { cwd, detached: true, stdio: ["ignore", "pipe", "pipe"] })
  const group = child.pid
  if (group !== undefined) groups.add(group)
  const stop = () => {
    if (group !== undefined) killGroup(group)
    // A process that left the group may keep the pipes open: the turn does not wait for it.
    child.stdout.destroy()
    child.stderr.destroy()
  }
  turn.abort.signal.addEventListener("abort", stop, { once: true })
  if (turn.abort.signal.aborted) stop()
  /** @param {import("node:stream").Readable} from */
  const relay = async (from) => {
    from.setEncoding("utf8")
    for await (const text of untilAborted(turn, from)) {
      turn.said++
      await write(item.delta(text))
    }
  }
  /** @type {Promise<number>} */
  const exit = new Promise((resolve) => {
    child.once("error", () => resolve(127))
    child.once("exit", (code, signal) => {
      resolve(signal === null ? (code ?? 1) : 128)
    })
  })
  const tell = () =>
    notify("item/progress", { turn: turn.turn, item: item.item, progress: { elapsedMillis: Date.now() - started } })
  const progress = setInterval(tell, tickMillis)
  const [exitCode] = await Promise.all([exit, relay(child.stdout), relay(child.stderr)]).finally(() => clearInterval(progress))
  turn.abort.signal.removeEventListener("abort", stop)
  if (group !== undefined) groups.delete(group)
  await item.end(exitCode === 0 && !turn.abort.signal.aborted ? "completed" : "failed", {
    command,
    exitCode,
    durationMillis: Date.now() - started
  })
  if (turn.abort.signal.aborted) throw new Interrupted()
}

/** `[[mcp TOOL {JSON}]]`: calls a tool of the session's MCP servers; the first server that has the tool. @param {Turn} turn @param {string} text */
const callTool = async (turn, text) => {
  const [, tool = "", given = ""] = /^(\S*)\s*([\s\S]*)$/.exec(text) ?? []
  /** @type {unknown} */
  let input
  try {
    input = given === "" ? {} : JSON.parse(given)
  } catch {
    throw new Failed(`[[mcp ${text}]]: the arguments are not JSON`)
  }
  for (const server of mcpServers) {
    try {
      if (!clients.has(server.name)) clients.set(server.name, connect(server, cwd))
      const client = await clients.get(server.name)
      if (client === undefined || !client.tools.includes(tool)) continue
      const item = begin(turn, "tool-call", { tool: `${server.name}/${tool}`, input })
      const { isError, text } = await client.call(tool, input, turn.abort.signal)
      if (turn.abort.signal.aborted) throw new Interrupted()
      return item.end(isError ? "failed" : "completed", { result: text })
    } catch (cause) {
      if (cause instanceof Interrupted || turn.abort.signal.aborted) throw new Interrupted()
      clients.delete(server.name)
      throw new Failed(`the MCP server ${server.name}: ${cause instanceof Error ? cause.message : String(cause)}`)
    }
  }
  const known = (await Promise.all(clients.values())).flatMap(({ tools }) => tools)
  throw new Failed(`no MCP server of this thread has the tool ${tool}. Tools: ${known.join(", ") || "none"}`)
}

/** `[[ask QUESTION | LABEL | LABEL ...]]`: a question; with labels, one or more of them may be chosen. @param {Turn} turn @param {Directive} directive */
const question = async (turn, { text: whole }) => {
  const [text = "", ...labels] = whole.split("|").map((part) => part.trim())
  const offered = labels.length === 0 ? {} : { options: labels.map((label) => ({ label })), multiple: true }
  const answer = await ask(turn, "question", { title: text, questions: [{ id: "answer", text, ...offered }] })
  if (turn.abort.signal.aborted) throw new Interrupted()
  const given = /** @type {{ answers?: Record<string, unknown> } | undefined} */ (answer)?.answers?.["answer"]
  return say(turn, "agent-message", Array.isArray(given) ? `You answered: ${given.join(", ")}` : "You gave no answer.")
}

/** `[[choose QUESTION | LABEL | LABEL=KIND ...]]`: an approval with options of the agent's own; kind `accept` unless one is named. @param {Turn} turn @param {Directive} directive */
const choose = async (turn, directive) => {
  const [title = "", ...offered] = directive.text.split("|").map((part) => part.trim())
  if (title === "" || offered.length === 0)
    throw new Failed(
      `[[choose ${directive.text}]]: give a question and at least one option, like [[choose Which? | A | B=decline]]`
    )
  const options = offered.map((text, at) => {
    const [, label = text, kind = "accept"] = /^(.*?)=([a-z_-]+)$/.exec(text) ?? []
    return { optionId: `o${at + 1}`, label, kind }
  })
  /** The unambiguous decisions: exactly one option has that kind. */
  const clear = ["accept", "accept-for-session", "decline"].filter(
    (decision) => options.filter(({ kind }) => kind === decision).length === 1
  )
  const item = begin(turn, "tool-call", { tool: title })
  const answer = await ask(turn, "approval", { item: item.item, title, choices: [...clear, "cancel"], options })
  if (turn.abort.signal.aborted) throw new Interrupted()
  const chosen = options.find(({ optionId }) => optionId === /** @type {{ optionId?: unknown } | undefined} */ (answer)?.optionId)
  await item.end(chosen === undefined || chosen.kind === "decline" ? "declined" : "completed", {})
  if (chosen === undefined || chosen.kind === "cancel") throw new Interrupted("the approval was cancelled")
  return say(turn, "agent-message", `You chose: ${chosen.label}`)
}

// --- directives

/** @param {number} bytes */
const flood = function* (bytes) {
  const piece = `${"~".repeat(8191)}\n`
  for (let left = bytes; left > 0; left -= piece.length) yield left >= piece.length ? piece : piece.slice(-left)
}

/** @param {Turn} turn @param {number} bytes */
const writeFlood = async (turn, bytes) => {
  const item = begin(turn, "agent-message", {})
  for (const text of flood(bytes)) {
    turn.said++
    await write(item.delta(text))
    await listen(turn)
  }
  await item.end("completed", {})
}

/** A chunk of a PNG. @param {string} type @param {Buffer} data */
const chunk = (type, data) => {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data])
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  sum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, sum])
}

/** A PNG of 64 by 64 pixels with a colour gradient, the same each time. */
const picture = () => {
  const size = 64
  const header = Buffer.alloc(13)
  header.writeUInt32BE(size, 0)
  header.writeUInt32BE(size, 4)
  // 8 bits a channel, RGB.
  header[8] = 8
  header[9] = 2
  const rows = Array.from({ length: size }, (_, y) => [0, ...Array.from({ length: size }, (_, x) => [x * 4, y * 4, 128]).flat()])
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  const pixels = deflateSync(Buffer.from(rows.flat()))
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", pixels), chunk("IEND", Buffer.alloc(0))])
}

/** Says what each attachment is: its name, type, size and hash, from the copy. @param {Turn} turn @param {unknown} attachments */
const sayAttachments = async (turn, attachments) => {
  for (const attachment of Array.isArray(attachments) ? attachments : []) {
    const { mediaType, name, path } = attachment
    const content = await readFile(path)
    const hash = createHash("sha256").update(content).digest("hex")
    await say(turn, "agent-message", `You attached ${name} (${mediaType}, ${content.length} bytes, sha256 ${hash}).`)
  }
}

/** What `[[diff]]` reports; the file is not written. */
const change = {
  path: "demo.txt",
  change: "update",
  diff: "@@ -1,3 +1,3 @@\n one\n-two\n+two and a half\n three\n"
}

/** @type {Map<string, { name: string, usedPercent: number }>} the limits that were reported, by name */
const limits = new Map()

/** `[[commands NAME: TEXT | NAME ...]]`: the slash commands from now on. @param {Directive} directive */
const commandsOf = ({ text }) => {
  const commands = text.split("|").map((part) => {
    const [, name = "", description = ""] = /^\s*\/?([^:\s]*)\s*(?::\s*([\s\S]*?))?\s*$/.exec(part) ?? []
    return { name, description }
  })
  if (commands.some(({ name }) => name === ""))
    throw new Failed(`[[commands ${text}]]: give names, like [[commands fix: Fixes the build | test]]`)
  return commands
}

/** A sub-agent that thinks, and says the text. @param {Turn} turn @param {string} text */
const subagent = async (turn, text) => {
  const tool = begin(turn, "tool-call", { tool: "subagent", input: { prompt: text } })
  for (const [kind, said] of [
    ["reasoning", "The sub-agent thinks."],
    ["agent-message", text]
  ]) {
    const item = begin(turn, kind, {}, tool.item)
    for (const word of words(said)) {
      await sleep(turn, wordMillis)
      turn.said++
      await write(item.delta(word))
    }
    await item.end("completed", { text: said })
  }
  return tool.end("completed", { result: text })
}

/** Runs a directive; returns `true` when the turn ends with it. @param {Turn} turn @param {Directive} directive @returns {Promise<boolean | void>} */
const perform = async (turn, directive) => {
  const { name, text } = directive
  if (name === "say") return say(turn, "agent-message", text)
  if (name === "think") return say(turn, "reasoning", text)
  if (name === "deltas") {
    const n = number(directive, 0, "N")
    const pieces = function* () {
      for (let i = 1; i <= n; i++) yield `d${i} `
    }
    return stream(turn, "agent-message", pieces(), number(directive, 1, "MS"))
  }
  if (name === "plan") {
    const texts = text
      .split(";")
      .map((step) => step.trim())
      .filter((step) => step !== "")
    const steps = texts.map((step, i) => ({ text: step, status: i === 0 ? "in-progress" : "pending" }))
    notify("turn/plan", { turn: turn.turn, steps })
    return begin(turn, "plan", {}).end("completed", { text: texts.map((step, i) => `${i + 1}. ${step}`).join("\n"), steps })
  }
  if (name === "run") return run(turn, text)
  if (name === "image") {
    const files = [{ name: "image-1.png", mediaType: "image/png", base64: picture().toString("base64") }]
    return begin(turn, "image", {}).end("completed", { text: "[image: image-1.png]" }, files)
  }
  if (name === "diff") return begin(turn, "file-change", {}).end("completed", { changes: [change] })
  if (name === "subagent") return subagent(turn, text)
  if (name === "ask") return question(turn, directive)
  if (name === "choose") return choose(turn, directive)
  if (name === "mcp") return callTool(turn, text)
  if (name === "mode" && text === "") return say(turn, "agent-message", `Settings: ${JSON.stringify(settings)}`)
  if (name === "mode") return notify("session/report", { mode: text })
  if (name === "commands") return notify("session/report", { commands: commandsOf(directive) })
  if (name === "context")
    return notify("session/report", {
      context: { tokens: number(directive, 0, "TOKENS"), window: number(directive, 1, "WINDOW") }
    })
  if (name === "limit") {
    const [, limit = "", percent] = /^(.+?)\s+(\d{1,3})$/.exec(text) ?? []
    if (percent === undefined) throw new Failed(`[[limit ${text}]]: give a name and a percentage, like [[limit weekly 80]]`)
    limits.set(limit, { name: limit, usedPercent: Number(percent) })
    return notify("session/report", { limits: [...limits.values()] })
  }
  if (name === "sleep") return sleep(turn, number(directive, 0, "MS"))
  if (name === "hang") {
    hanging = true
    setInterval(() => undefined, 1 << 30)
    return new Promise(() => undefined)
  }
  if (name === "idle") {
    // Reports that the agent is idle, and never ends the turn.
    current = undefined
    notify("session/idle", {})
    return new Promise(() => undefined)
  }
  if (name === "background") {
    const millis = number(directive, 0, "MS")
    const task = `b${++ids}`
    notify("background/started", { task, turn: turn.turn, millis })
    setTimeout(() => notify("background/ended", { task }), millis)
    return true
  }
  if (name === "fail") throw new Failed(text === "" ? "the script said so" : text)
  if (name === "auth") {
    if (!existsSync("signed-in")) throw new NotSignedIn("The demo agent is not signed in: the project has no file signed-in.")
    return
  }
  if (name === "exit") {
    const code = number(directive, 0, "CODE")
    killAll()
    // Flush earlier output before the exit.
    return new Promise(() => process.stdout.write("", () => process.exit(code)))
  }
  if (name === "garbage") {
    await write("this line is not JSON\n")
    await write('{"jsonrpc":"2.0","method":"item/delta","params":{"half":\n')
    await write("[1, 2, 3]\n")
    process.stdout.write(Buffer.from([0xff, 0xfe, 0x00, 0x80, 0x0a]))
    return
  }
  if (name === "flood") return writeFlood(turn, number(directive, 0, "BYTES"))
}

/** @param {string} text @returns {ReadonlyArray<Directive>} */
const directivesOf = (text) =>
  [...text.matchAll(/\[\[([a-z]+)(?![a-z])([\s\S]*?)\]\]/g)]
    .map((match) => ({ name: match[1] ?? "", text: (match[2] ?? "").trim() }))
    .filter((directive) => names.has(directive.name))

/** @param {string} text */
const answerTo = (text) => {
  const short = text.length > 60 ? `${text.slice(0, 60)}...` : text
  return `You said: "${short}". I am the demo agent: I run scripts, like [[say hello]] or [[run ls]], and need no account.`
}

/** @param {Turn} turn @param {string} text @param {unknown} attachments */
const play = async (turn, text, attachments) => {
  // Its two slash commands; without a directive it says what it does.
  const script = directivesOf(text.trim() === "/mode" ? "[[mode]]" : text)
  /** @type {Record<string, unknown>} */
  let end = { outcome: "completed" }
  try {
    await notify("turn/started", { turn: turn.turn })
    await sayAttachments(turn, attachments)
    if (script.length === 0 && text !== "") await say(turn, "agent-message", answerTo(text))
    for (const directive of script) if ((await perform(turn, directive)) === true) break
  } catch (cause) {
    if (cause instanceof Interrupted) end = { outcome: "interrupted", ...(cause.message === "" ? {} : { reason: cause.message }) }
    else if (cause instanceof NotSignedIn) end = { outcome: "failed", error: cause.message, kind: "auth" }
    else if (cause instanceof Failed) end = { outcome: "failed", error: cause.message }
    else end = { outcome: "failed", error: `the demo agent has a bug: ${String(cause)}` }
  }
  current = undefined
  await notify("turn/ended", { turn: turn.turn, ...end, usage: usage(turn) })
}

// --- requests

/** @type {Array<string | number>} interrupts that wait for the turn's end */
const waiting = []

/** @param {string | number} id @param {string} method @param {Record<string, unknown>} params */
const serve = async (id, method, params) => {
  /** @param {unknown} result */
  const result = (result) => write(line({ id, result }))
  /** @param {number} code @param {string} message */
  const error = (code, message) => write(line({ id, error: { code, message } }))
  if (method === "initialize") return result({ name: "millrace-demo", version: "1", protocol: 1 })
  if (method === "session/open") {
    if (typeof params["cwd"] === "string") cwd = params["cwd"]
    settings = /** @type {Record<string, unknown>} */ (params["settings"] ?? {})
    mcpServers = /** @type {typeof mcpServers} */ (params["mcpServers"] ?? [])
    const key = params["resumeKey"]
    return result({ session: typeof key === "string" ? key : `demo-${randomUUID()}`, resumed: typeof key === "string" })
  }
  if (method === "session/configure") {
    settings = /** @type {Record<string, unknown>} */ (params["settings"] ?? {})
    return result({})
  }
  if (method === "turn/start") {
    if (typeof params["text"] !== "string") return error(-32602, "text must be a string")
    if (current !== undefined) return error(-32002, `turn ${current.turn} is running`)
    const text = params["text"]
    const turn = {
      turn: `t${++ids}-${randomUUID().slice(0, 8)}`,
      asked: words(text).length,
      counted: Number.NEGATIVE_INFINITY,
      abort: new AbortController(),
      said: 0,
      items: 0
    }
    current = turn
    await result({ turn: turn.turn })
    await play(turn, text, params["attachments"])
    for (const interrupt of waiting.splice(0)) await write(line({ id: interrupt, result: {} }))
    return
  }
  if (method === "turn/interrupt") {
    if (current === undefined || current.turn !== params["turn"]) return error(-32002, "that turn does not run")
    waiting.push(id)
    current.abort.abort()
    return
  }
  return error(-32601, `there is no method ${method}`)
}

/** @param {string} text */
const receive = (text) => {
  /** @type {Record<string, unknown>} */
  let message
  try {
    message = JSON.parse(text)
  } catch {
    process.stderr.write(`not JSON: ${text.slice(0, 200)}\n`)
    return
  }
  const { id, method, params, result } = message
  if (typeof method === "string") {
    if ((typeof id === "string" || typeof id === "number") && !hanging)
      void serve(id, method, /** @type {never} */ (params ?? {}))
    return
  }
  // An error is an answer without a decision.
  if (typeof id === "string") asked.get(id)?.(result ?? {})
}

const killAll = () => {
  for (const group of groups) killGroup(group)
}
const leave = () => {
  if (hanging) return
  killAll()
  process.exit(0)
}

let rest = ""
process.stdin.setEncoding("utf8")
process.stdin.on("data", (/** @type {string} */ chunk) => {
  const lines = (rest + chunk).split("\n")
  rest = lines.pop() ?? ""
  for (const text of lines) if (text.trim() !== "") receive(text)
})
process.stdin.on("end", leave)
process.stdin.on("error", leave)
process.on("SIGTERM", leave)
process.on("SIGINT", leave)
process.on("SIGHUP", leave)
process.stdout.on("error", () => process.exit(0))
