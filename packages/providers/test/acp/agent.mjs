#!/usr/bin/env node
// A small agent for cases that no recording has. The prompt selects its behaviour; AGENT selects the abilities that it lacks.
import { createInterface } from "node:readline"

const lacks = process.env.AGENT ?? ""
const sessionId = "ses"
let requests = 0
const waiting = new Map()
const write = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`)
const update = (value) => write({ method: "session/update", params: { sessionId, update: value } })
const say = (text) => update({ sessionUpdate: "agent_message_chunk", content: { type: "text", text } })
const ask = (method, params) =>
  new Promise((resolve) => {
    waiting.set(++requests, resolve)
    write({ id: requests, method, params: { sessionId, ...params } })
  })
let cancelled
/** The changes of settings, in order. AGENT selects how the agent offers them. */
const chosen = []
const config = (id, currentValue, ...values) => ({ id, category: id, currentValue, options: values.map((value) => ({ value })) })
const offers = {
  options: () => ({
    configOptions: [
      config("model", "m1", "m1", "m2"),
      // Each model has its own efforts.
      config("thought_level", "low", ...(chosen.some(({ value }) => value === "m2") ? ["low", "max"] : ["low"])),
      config("mode", "default", "default", "plan")
    ]
  }),
  older: () => ({
    modes: { currentModeId: "build", availableModes: [{ id: "build" }, { id: "plan" }] },
    models: { currentModelId: "m1", availableModels: [{ modelId: "m1" }, { modelId: "m2" }] }
  })
}
const options = [{ optionId: "ok", name: "OK", kind: "allow_once" }]

const prompts = {
  /** Sends each request in the list and reports its result. */
  ask: async (list) => {
    for (const [method, params] of list) {
      const { error, result } = await ask(method, params)
      say(`${error ? error.code : JSON.stringify(result)} `)
    }
    return { stopReason: "end_turn" }
  },
  /** Waits with an open request until the turn is cancelled, then answers with an error. */
  cancel: async () => {
    const stop = new Promise((resolve) => (cancelled = resolve))
    const { result } = await ask("session/request_permission", { toolCall: { toolCallId: "c", title: "do it" }, options })
    say(`${JSON.stringify(result.outcome)} `)
    await stop
    throw new Error("aborted")
  },
  /** Sends two permission requests under one id and reports the option of the answer. */
  twice: async () => {
    const answered = new Promise((resolve) => waiting.set("same", resolve))
    for (const name of ["harmless", "dangerous"])
      write({
        id: "same",
        method: "session/request_permission",
        params: {
          sessionId,
          toolCall: { toolCallId: name, title: name },
          options: [{ optionId: name, name, kind: "allow_once" }]
        }
      })
    say("asked ")
    const { result } = await answered
    say(result.outcome.optionId)
    return { stopReason: "end_turn" }
  },
  /** Says which settings were chosen. */
  chosen: async () => {
    say(JSON.stringify(chosen))
    return { stopReason: "end_turn" }
  },
  plan: async () => {
    update({ sessionUpdate: "agent_thought_chunk", content: { type: "text", text: "hm" } })
    update({ sessionUpdate: "plan", entries: [{ content: "a", priority: "high", status: "in_progress" }] })
    update({ sessionUpdate: "current_mode_update", currentModeId: "code" })
    update({ sessionUpdate: "brand_new", x: 1 })
    return { stopReason: "max_tokens" }
  }
}

const methods = {
  initialize: () => ({
    protocolVersion: lacks === "version" ? 2 : 1,
    agentCapabilities: {
      loadSession: lacks !== "load" && lacks !== "resume",
      sessionCapabilities: lacks === "load" ? {} : { resume: {} }
    },
    authMethods: [{ id: "x", name: "X", description: "run x login" }],
    agentInfo: { name: "small", version: "1.2.3" }
  }),
  "session/new": () => {
    if (lacks === "auth") throw Object.assign(new Error("Authentication required"), { code: -32000 })
    if (lacks === "options")
      setImmediate(() =>
        update({ sessionUpdate: "available_commands_update", availableCommands: [{ name: "/init", description: "Begins." }] })
      )
    return { sessionId, ...offers[lacks]?.() }
  },
  "session/set_config_option": ({ configId, value }) => {
    chosen.push({ configId, value })
    return offers.options()
  },
  "session/set_mode": ({ modeId }) => {
    chosen.push({ modeId })
    return {}
  },
  "session/set_model": ({ modelId }) => {
    chosen.push({ modelId })
    return {}
  },
  "session/load": ({ sessionId: wanted }) => {
    if (wanted !== sessionId) throw Object.assign(new Error("no such session"), { code: -32602 })
    // More output than any buffer holds.
    for (let n = 0; n < 5000; n++) say(`old ${n}`)
    return null
  },
  "session/resume": () => ({}),
  "session/prompt": async ({ prompt: [{ text }] }) => {
    const [name, json = "[]"] = text.split(/ (.*)/s)
    return prompts[name](JSON.parse(json))
  }
}

createInterface({ input: process.stdin })
  .on("line", async (line) => {
    const { id, method, params, result, error } = JSON.parse(line)
    if (method === undefined) return waiting.get(id)?.({ result, error })
    if (method === "session/cancel") return cancelled?.()
    try {
      write({ id, result: await methods[method](params) })
    } catch (cause) {
      write({ id, error: { code: cause.code ?? -32603, message: cause.message } })
    }
  })
  .on("close", () => process.exit(0))
