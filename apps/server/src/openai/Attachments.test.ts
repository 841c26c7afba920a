import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import * as Attachments from "./Attachments.ts"

const file = (text: string, name = "note.txt"): Attachments.Attachment => ({
  name,
  mediaType: "text/plain",
  base64: Buffer.from(text).toString("base64")
})
const only = (directory: string) => {
  const names = readdirSync(directory)
  expect(names).toHaveLength(1)
  return join(directory, names[0] ?? "")
}

it.scopedLive("X5 an existing file is not written again; one of another size is replaced, not truncated", () =>
  Effect.gen(function* () {
    const dataDir = yield* temporaryDirectory
    const directory = join(dataDir, "attachments")
    const text = yield* Attachments.keep(dataDir, [file("hello")])
    const path = only(directory)
    const first = statSync(path)
    expect(first.mode & 0o777).toBe(0o600)
    utimesSync(path, 1, 1)
    expect(yield* Attachments.keep(dataDir, [file("hello")])).toBe(text)
    const again = statSync(path)
    expect(again.ino).toBe(first.ino)
    expect(again.mtimeMs, "its last use").toBeGreaterThan(1000)
    expect(again.ctimeMs).toBeGreaterThanOrEqual(first.ctimeMs)
    writeFileSync(path, "hel")
    yield* Attachments.keep(dataDir, [file("hello")])
    expect(only(directory)).toBe(path)
    expect(readFileSync(path, "utf8")).toBe("hello")
    expect(statSync(path).ino).not.toBe(first.ino)
  })
)

it.scopedLive("X5 concurrent calls that delete the oldest files do not fail, and the limit holds", () =>
  Effect.gen(function* () {
    const dataDir = yield* temporaryDirectory
    const directory = join(dataDir, "attachments")
    mkdirSync(directory)
    for (let n = 0; n < 600; n++) {
      writeFileSync(join(directory, `old${n}`), "")
      utimesSync(join(directory, `old${n}`), n, n)
    }
    // A name whose file another call has deleted.
    symlinkSync(join(dataDir, "nowhere"), join(directory, "gone"))
    yield* Effect.all(
      Array.from({ length: 8 }, (_, n) => Attachments.keep(dataDir, [file(`text ${n}`)])),
      { concurrency: "unbounded" }
    )
    yield* Attachments.keep(dataDir, [file("last")])
    const names = readdirSync(directory).filter((name) => name !== "gone")
    expect(names).toHaveLength(500)
    expect(names.filter((name) => name.endsWith(".txt"))).toHaveLength(9)
    expect(names).not.toContain("old0")
  })
)

it.scopedLive("X5 a long name is cut between characters", () =>
  Effect.gen(function* () {
    const text = yield* Attachments.keep(yield* temporaryDirectory, [file("x", `${"a".repeat(99)}😀.txt`)])
    expect(text).toContain(`(${"a".repeat(99)}, text/plain, 1 bytes)`)
  })
)
