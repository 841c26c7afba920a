import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { tmpdir } from "node:os"
import * as Ledger from "./Ledger.ts"
import * as Spawn from "./Spawn.ts"

/** Blocks the event loop. */
const block = (millis: number) => Effect.sync(() => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis))

const spawn = (script: string) =>
  Spawn.spawn({ command: "sh", args: ["-c", script], cwd: tmpdir(), env: {}, threadId: "thr_a", epoch: 1 })

const readAll = (child: Spawn.Child) =>
  Effect.gen(function* () {
    let text = ""
    for (;;) {
      const part = yield* child.read
      if (part === null) return text
      text += part.toString()
    }
  })

it.scopedLive("P5 output is read to its end also if the event loop stops between an exit and the output of another child", () =>
  Effect.gen(function* () {
    const first = yield* spawn("echo first")
    const second = yield* spawn("sleep 0.6; echo second")
    const output = yield* Effect.fork(readAll(second))
    // The output and the exit of the first child are handled together. In between, the second child ends, and its exit is collected with that of the first.
    const handling = yield* Effect.fork(Effect.zipRight(first.read, block(900)))
    yield* Effect.yieldNow()
    yield* block(300)
    yield* second.exited
    yield* block(1500)
    yield* handling
    expect(yield* output).toBe("second\n")
  }).pipe(Effect.provide(Ledger.layerMemory))
)
