/** The report of a running agent about itself. Ephemeral (D12): it is not in the log, and ends with the session. */
import { Schema } from "effect"

/** A limit of the account. */
const Limit = Schema.Struct({
  name: Schema.String,
  status: Schema.optional(Schema.String).annotations({ description: "As the agent names it: `allowed`, `rejected` and so on." }),
  usedPercent: Schema.optional(Schema.Number),
  resetsAt: Schema.optional(Schema.String).annotations({ description: "ISO 8601." })
})
export type ReportedLimit = typeof Limit.Type

/** Any of the fields may be present: an agent reports the fields that it knows. A later report replaces the fields that it has. */
export const AgentReport = Schema.Struct({
  model: Schema.optional(Schema.String).annotations({ description: "The model that the agent uses." }),
  mode: Schema.optional(Schema.String).annotations({
    description: "The agent's name of its mode: `plan`, `acceptEdits` and so on."
  }),
  commands: Schema.optional(Schema.Array(Schema.Struct({ name: Schema.String, description: Schema.String }))).annotations({
    description: "The agent's slash commands, at most 1,000, without the slash. The signal has the first names only."
  }),
  context: Schema.optional(
    Schema.Struct({ tokens: Schema.optional(Schema.Int), window: Schema.optional(Schema.Int) })
  ).annotations({ description: "Tokens of the conversation in the model's context window, and the size of the window." }),
  limits: Schema.optional(Schema.Array(Limit)).annotations({ description: "Limits of the account, at most 16." })
}).annotations({ identifier: "AgentReport", description: "The report of a running agent about itself." })
export type AgentReport = typeof AgentReport.Type
