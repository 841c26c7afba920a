/** `run --attach` with the real program, without a server and with one. */
import { expect, it } from "@effect/vitest"
import * as Program from "@millrace/testing/Program"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import { createHash } from "node:crypto"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Fixture from "../../../test/support/Fixture.ts"

it.live("a file of run --attach reaches the agent, also without a prompt", () =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    const path = join(directory, "note.txt")
    writeFileSync(path, "hello")
    const hash = createHash("sha256").update("hello").digest("hex")
    const { code, stderr, stdout } = yield* Program.run(["run", "", "--attach", path, "--data", join(directory, "data")])
    expect([code, stderr]).toEqual([0, expect.stringContaining("demo")])
    const attached = `You attached note.txt (text/plain, 5 bytes, sha256 ${hash}).`
    expect(stdout).toContain(attached)
    const piped = yield* Program.run(["run", "-", "--attach", path, "--data", join(directory, "data")], { input: "" })
    expect([piped.code, piped.stdout]).toEqual([0, expect.stringContaining(attached)])
  }).pipe(Effect.scoped, Fixture.fair)
)
