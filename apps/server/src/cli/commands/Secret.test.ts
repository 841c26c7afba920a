/** `millrace secret` with the real program. */
import { expect, it } from "@effect/vitest"
import * as Program from "@millrace/testing/Program"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import * as Fixture from "../../../test/support/Fixture.ts"

it.live("X4 secret set reads a value that no command prints", () =>
  Effect.gen(function* () {
    const data = ["--data", yield* temporaryDirectory]
    const set = yield* Program.run(["secret", "set", "TOKEN", ...data], { input: "hunter22\n" })
    expect([set.code, set.stderr]).toEqual([0, expect.stringContaining("Stored TOKEN")])
    const list = yield* Program.run(["secret", "list", "--json", ...data])
    expect(JSON.parse(list.stdout)).toEqual([{ name: "TOKEN", setAt: expect.any(String), given: false }])
    const remove = yield* Program.run(["secret", "remove", "TOKEN", ...data])
    const again = yield* Program.run(["secret", "remove", "TOKEN", ...data])
    expect([remove.code, again.code, again.stderr]).toEqual([0, 1, expect.stringContaining("There is no secret TOKEN")])
    for (const { stderr, stdout } of [set, list, remove, again]) expect(stdout + stderr).not.toContain("hunter22")
  }).pipe(Effect.scoped, Fixture.fair)
)
