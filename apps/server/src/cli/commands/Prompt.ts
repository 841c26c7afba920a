/** The prompt of `run` and `send`. */
import { Effect, Schema } from "effect"
import { text as readAll } from "node:stream/consumers"
import { PromptText } from "@millrace/contracts/Command"
import { usage } from "../Failure.ts"

/** Placeholder for `-`, because the command-line parser would take `-` for a flag. No argument of a process can contain this character. */
export const fromStdin = "\u0000"

/** The argument, or standard input for `-`. Fails with exit code 2 if the prompt is empty or invalid. `mayBeEmpty`: the turn has attachments. */
export const read = (given: string, mayBeEmpty = false) =>
  Effect.gen(function* () {
    const text = given === fromStdin ? yield* Effect.promise(() => readAll(process.stdin)) : given
    if (text === "" && mayBeEmpty) return text
    return yield* Effect.mapError(Schema.decode(PromptText)(text), (error) =>
      usage(`PROMPT: ${error.message.split("\n").at(-1)?.trim()}`)
    )
  })
