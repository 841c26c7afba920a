import { expect, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { closeSync, openSync } from "node:fs"
import { join } from "node:path"
import { setImmediate as turn } from "node:timers/promises"
import { Effect } from "effect"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import * as Descriptors from "./Descriptors.ts"

it.scopedLive("S10 a parent that exits before the server waits for its end is noticed", () =>
  Effect.gen(function* () {
    const pipe = join(yield* temporaryDirectory, "parent")
    spawnSync("mkfifo", [pipe])
    const held = openSync(pipe, "r+")
    const fd = openSync(pipe, "r")
    closeSync(held)
    const { ended } = yield* Descriptors.endOf("parent-fd", fd)
    // The event loop reads the end and emits it to the listeners.
    yield* Effect.repeatN(
      Effect.promise(() => turn()),
      20
    )
    expect(yield* ended).toBeUndefined()
  })
)
