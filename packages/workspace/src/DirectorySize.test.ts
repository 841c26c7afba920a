import { expect, it } from "@effect/vitest"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as DirectorySize from "./DirectorySize.ts"

it.scoped("W6 the size of a directory has all files below it and follows no link; an abort ends it", () =>
  Effect.gen(function* () {
    const base = yield* temporaryDirectory
    const root = join(base, "root")
    mkdirSync(join(root, "a/b"), { recursive: true })
    const sizeOf = (signal = new AbortController().signal) => Effect.promise(() => DirectorySize.of(root, signal))
    expect(yield* sizeOf()).toBe(0)
    writeFileSync(join(base, "outside"), Buffer.alloc(1_000_000, 1))
    symlinkSync("../outside", join(root, "link"))
    symlinkSync("..", join(root, "loop"))
    for (let n = 0; n < 100; n++) writeFileSync(join(root, "a/b", String(n)), Buffer.alloc(5000, 1))
    const bytes = yield* sizeOf()
    // Whole blocks of the file system.
    expect(bytes).toBeGreaterThanOrEqual(500_000)
    expect(bytes).toBeLessThan(1_000_000)
    expect(yield* sizeOf(AbortSignal.abort())).toBeUndefined()
    expect(yield* Effect.promise(() => DirectorySize.of(join(base, "none"), new AbortController().signal))).toBe(0)
  })
)
