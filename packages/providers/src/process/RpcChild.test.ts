import { it } from "@effect/vitest"
import { Chunk, Effect, Stream } from "effect"
import { expect } from "vitest"
import * as Ledger from "./Ledger.ts"
import * as RpcChild from "./RpcChild.ts"

const echo = `
process.stdin.setEncoding("utf8")
let rest = ""
process.stdin.on("data", (text) => {
  const lines = (rest + text).split("\\n")
  rest = lines.pop()
  for (const line of lines) {
    const m = JSON.parse(line)
    if (m.method === "echo") console.log(JSON.stringify({ id: m.id, result: m.params }))
    if (m.method === "say") for (const x of m.params) console.log(x)
    if (m.method === "die") { console.error("out of luck"); process.exit(m.params) }
  }
})
process.stdin.on("end", () => process.exit(0))
`
const open = (script: string, overrides: Partial<RpcChild.OpenOptions> = {}) =>
  RpcChild.open({
    provider: "test",
    command: process.execPath,
    args: ["-e", script],
    cwd: process.cwd(),
    threadId: "thr_1",
    epoch: 1,
    install: "Install it.",
    ...overrides
  })

it.scopedLive("P6 a request is answered; a refusal, a death and a deadline are three outcomes", () =>
  Effect.gen(function* () {
    const child = yield* open(echo)
    expect(yield* child.request("echo", { a: "\u2028 ü 😀" })).toEqual({ a: "\u2028 ü 😀" })
    const late = yield* Effect.flip(child.request("silence", {}, { deadlineMillis: 20 }))
    expect([late.outcome, late.failure.kind]).toEqual(["unknown", "transport"])
    const dead = yield* Effect.flip(child.request("die", 3))
    expect([dead.outcome, dead.failure.kind, dead.failure.detail]).toEqual(["failed", "process", "out of luck\n"])
    expect(yield* child.exit).toMatchObject({ code: 3, signal: null, stderr: "out of luck\n" })
    expect(Chunk.size(yield* Stream.runCollect(child.incoming))).toBe(0)
  }).pipe(Effect.provide(Ledger.layerMemory))
)
