#!/usr/bin/env node
// The agent of the example adapter: echoes the prompt, word by word. JSON-RPC, one message per line.
//   to it    begin {} -> {} · turn {id, text} -> {} · stop {id} -> {}
//     from it  said {id, text} · ended {id, outcome} · askPermission {id, action} -> {yes}, a request: sent before a prompt that begins with "may" is echoed
// Other first words make it misbehave, for the kit: hang, exit, garbage, burst, twice, news.
import { createInterface } from "node:readline"

let copies = 1
let running
const waiting = new Map()
const write = (message) => {
  for (let n = 0; n < copies; n++) process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`)
}
const ask = (id, method, params) =>
  new Promise((resolve) => {
    waiting.set(id, resolve)
    write({ id, method, params })
  })
const said = (text) => write({ method: "said", params: { id: running, text } })
const ended = (outcome) => {
  write({ method: "ended", params: { id: running, outcome } })
  running = undefined
}

const turn = async (id, text) => {
  running = id
  const [first, ...rest] = text.split(" ")
  copies = first === "twice" ? 2 : 1
  if (first === "may") await ask(`may ${id}`, "askPermission", { id, action: text })
  if (running !== id) return
  said(`${first} `)
  if (first === "hang") return
  if (first === "exit") process.exit(0)
  if (first === "garbage") process.stdout.write("this is no message\n")
  if (first === "burst") for (let n = 0; n < 20_000; n++) said("more ")
  if (first === "news") {
    write({ method: "future", params: { id } })
    await ask("news", "future/ask", {})
  }
  said(rest.join(" "))
  ended("completed")
}

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { id, method, params } = JSON.parse(line)
    if (method === undefined) return waiting.get(id)?.()
    if (method === "stop" && running === params.id) ended("interrupted")
    process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, result: {} })}\n`)
    if (method === "turn") void turn(params.id, params.text)
  })
  .on("close", () => process.exit(0))
