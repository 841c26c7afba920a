// @ts-check
/** A client of MCP servers for the demo agent: tools only, over a child's pipes or Streamable HTTP. Plain Node, no dependencies. */
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"

/** @typedef {{ name: string, command: string, args: ReadonlyArray<string>, env: Record<string, string> } | { name: string, url: string, headers: Record<string, string> }} Server */
/** @typedef {{ tools: ReadonlyArray<string>, call: (tool: string, input: unknown, signal: AbortSignal) => Promise<{ text: string, isError: boolean }> }} Client */
/** @typedef {(method: string, params: unknown, signal?: AbortSignal) => Promise<any>} Request */
/** @typedef {{ request: Request, notify: (method: string) => void | Promise<void> }} Wire */

const version = "2025-06-18"
/** Deadline of each answer. */
const answerMillis = 30_000
/** Most pages of a list of tools. */
const maxPages = 20

/** @param {any} message */
const resultOf = (message) => {
  if (message.error !== undefined) throw new Error(String(message.error.message ?? "an error without a message"))
  return message.result
}

/** @param {Extract<Server, { command: string }>} server @param {string} cwd @returns {Wire} */
const overPipes = ({ args, command, env }, cwd) => {
  const child = spawn(command, [...args], { cwd, env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "ignore"] })
  /** @type {Map<number, (message: any) => void>} */
  const open = new Map()
  let ids = 0
  /** @type {string | undefined} */
  let ended
  /** @param {string} reason */
  const end = (reason) => {
    ended ??= reason
    for (const answer of open.values()) answer({ error: { message: reason } })
    open.clear()
  }
  child.once("error", (cause) => end(`it could not be started: ${cause.message}`))
  child.once("exit", (code) => end(`it ended with ${code ?? "a signal"}`))
  child.stdin.on("error", () => undefined)
  createInterface({ input: child.stdout }).on("line", (line) => {
    try {
      const message = JSON.parse(line)
      const answer = open.get(message.id)
      open.delete(message.id)
      answer?.(message)
    } catch {
      // A line that is not a message is not for the client.
    }
  })
  /** @param {object} message */
  const send = (message) => void child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`)
  return {
    notify: (method) => send({ method }),
    request: (method, params, signal) =>
      new Promise((resolve, reject) => {
        if (ended !== undefined) return reject(new Error(ended))
        const id = ++ids
        /** @param {any} message */
        const settle = (message) => {
          clearTimeout(timer)
          open.delete(id)
          try {
            resolve(resultOf(message))
          } catch (cause) {
            reject(cause)
          }
        }
        const timer = setTimeout(() => settle({ error: { message: `it did not answer ${method} in time` } }), answerMillis)
        signal?.addEventListener("abort", () => settle({ error: { message: "interrupted" } }), { once: true })
        open.set(id, settle)
        send({ id, method, params })
      })
  }
}

/** @param {Extract<Server, { url: string }>} server @returns {Wire} */
const overHttp = ({ headers, url }) => {
  let ids = 0
  /** @type {string | undefined} */
  let session
  /** @param {object} message @param {AbortSignal} [signal] */
  const post = async (message, signal) => {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        ...headers,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": version,
        ...(session === undefined ? {} : { "mcp-session-id": session })
      },
      body: JSON.stringify({ jsonrpc: "2.0", ...message }),
      signal: AbortSignal.any([AbortSignal.timeout(answerMillis), ...(signal === undefined ? [] : [signal])])
    })
    session = response.headers.get("mcp-session-id") ?? session
    if (!response.ok) throw new Error(`it answered ${response.status}`)
    return response
  }
  return {
    notify: async (method) => void (await post({ method })),
    request: async (method, params, signal) => {
      const id = ++ids
      const response = await post({ id, method, params }, signal)
      const text = await response.text()
      const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true
      const messages = isStream ? [...text.matchAll(/^data: ?(.*)$/gm)].map(([, data = ""]) => data) : [text]
      const answer = messages.map((one) => JSON.parse(one)).find((one) => one.id === id)
      if (answer === undefined) throw new Error(`it did not answer ${method}`)
      return resultOf(answer)
    }
  }
}

/** Connects and lists the tools. @param {Server} server @param {string} cwd @returns {Promise<Client>} */
export const connect = async (server, cwd) => {
  const { notify, request } = "url" in server ? overHttp(server) : overPipes(server, cwd)
  await request("initialize", {
    protocolVersion: version,
    capabilities: {},
    clientInfo: { name: "millrace-demo", version: "1" }
  })
  await notify("notifications/initialized")
  /** @type {Array<string>} */
  const tools = []
  /** @type {string | undefined} */
  let cursor
  for (let page = 0; page < maxPages; page++) {
    const list = await request("tools/list", cursor === undefined ? {} : { cursor })
    tools.push(...list.tools.map((/** @type {{ name: string }} */ { name }) => name))
    cursor = list.nextCursor
    if (cursor === undefined) break
  }
  return {
    tools,
    call: async (tool, input, signal) => {
      const { content = [], isError = false } = await request("tools/call", { name: tool, arguments: input }, signal)
      const texts = content.map((/** @type {{ type: string, text?: string }} */ { text, type }) => text ?? `[${type}]`)
      return { text: texts.join("\n"), isError: isError === true }
    }
  }
}
