import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as FileList from "./FileList.ts"

it.effect("W5 a git that fails or is late is a failure: the directory is not listed again as one outside of a repository", () =>
  Effect.gen(function* () {
    const calls: Array<boolean> = []
    const git: FileList.Git<string> = ({ inRepository }) => {
      calls.push(inRepository)
      return inRepository ? Effect.fail("late") : Effect.succeed({ stdout: Buffer.from("? secret\0"), complete: true })
    }
    expect(yield* Effect.flip(FileList.read("/work", git, () => Effect.succeed(true)))).toBe("late")
    expect(calls).toEqual([true])
  })
)
