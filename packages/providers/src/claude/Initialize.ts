/** Claude's answer to `initialize`: the models, efforts and commands that a person can choose. */
import { defined } from "@millrace/contracts/Defined"
import { maxOffered, type Offered } from "@millrace/contracts/State"
import { cut } from "@millrace/contracts/Text"
import { Option, Schema } from "effect"
import { loose } from "../Fields.ts"

const InitializeAnswer = Schema.Struct({
  models: loose(
    Schema.Array(
      Schema.Struct({
        value: Schema.String,
        displayName: loose(Schema.String),
        supportedEffortLevels: loose(Schema.Array(Schema.String))
      })
    )
  ),
  commands: loose(Schema.Array(Schema.Struct({ name: Schema.String, description: loose(Schema.String) })))
})

/** The choices in Claude's answer to `initialize`: models with their efforts, and slash commands. Total: an unknown shape offers nothing. */
export const offeredBy = (answer: unknown): Offered =>
  Option.match(Schema.decodeUnknownOption(InitializeAnswer)(answer), {
    onNone: () => ({}),
    onSome: ({ commands, models }) =>
      defined({
        models: models
          ?.slice(0, maxOffered)
          .map(({ displayName, supportedEffortLevels: efforts, value }) =>
            defined({ id: value, name: displayName ?? value, efforts: efforts ?? undefined })
          ),
        commands: commands
          ?.slice(0, maxOffered)
          .map(({ description, name }) => ({ name, description: cut(description ?? "", 500) }))
      })
  })
