/** Approval rules: the first rule that matches an approval answers it, and no person is asked. */
import { Schema } from "effect"
import * as CommandLine from "./CommandLine.ts"
import { oneOf } from "./OneOf.ts"

export { nameOf } from "./RuleName.ts"

const maxRules = 32
const maxJson = 16_384

const Name = Schema.String.pipe(
  Schema.minLength(1, { message: () => "the name must not be empty" }),
  Schema.maxLength(100, { message: () => "the name is longer than 100 characters" }),
  Schema.filter((name) => !/[\p{Cc}\u2028\u2029]/u.test(name) || "the name has control characters")
)

const Line = Schema.String.pipe(
  Schema.maxLength(1000, { message: () => "the command is longer than 1000 characters" }),
  Schema.filter(
    (line) => CommandLine.parse(line) !== undefined || "expected the first words of one simple command, like git status"
  )
)

const Glob = Schema.String.pipe(
  Schema.minLength(1, { message: () => "the path must not be empty" }),
  Schema.maxLength(1000, { message: () => "the path is longer than 1000 characters" }),
  Schema.filter(
    (glob) =>
      !(glob.startsWith("/") || glob.split("/").some((name) => name === "" || name === "." || name === "..")) ||
      "expected a glob from the workspace, like src/**, without empty names, . and .."
  )
)

const Tool = Schema.String.pipe(
  Schema.minLength(1, { message: () => "the tool's name must not be empty" }),
  Schema.maxLength(200, { message: () => "the tool's name is longer than 200 characters" })
)

/** The field of a match that restricts each kind. */
const fieldOf = { command: "command", "file-change": "path", "tool-call": "tool" } as const

const Kind = oneOf("command", "file-change", "tool-call")
const Given = oneOf("accept", "decline", "cancel")

const Match = Schema.Struct({
  kind: Kind,
  command: Schema.optional(Line).annotations({ description: "The first words of the command, like `git status`. Absent: any." }),
  path: Schema.optional(Glob).annotations({
    description: "A glob from the workspace that each changed file matches, like `src/**`. Absent: any."
  }),
  tool: Schema.optional(Tool).annotations({
    description: "The tool's name, or `server/tool`; `*` matches within a name. Absent: any."
  })
}).pipe(
  Schema.filter((match) => {
    const wrong = (["command", "path", "tool"] as const).find(
      (field) => match[field] !== undefined && field !== fieldOf[match.kind]
    )
    return wrong === undefined || `${wrong} does not belong to the kind ${match.kind}, which takes ${fieldOf[match.kind]}`
  })
)

export const ApprovalRule = Schema.Struct({
  name: Schema.optional(Name).annotations({
    description: "The sender of the rule's answers. Default: the text that the rule matches."
  }),
  match: Match,
  decision: Given
})
  .pipe(
    Schema.filter(
      ({ decision, match }) =>
        decision !== "accept" ||
        match.command === undefined ||
        CommandLine.certain(match.command) !== undefined ||
        "a rule cannot accept a command whose arguments are another command: name that one"
    )
  )
  .annotations({ identifier: "ApprovalRule" })
export type ApprovalRule = typeof ApprovalRule.Type

export const ApprovalRules = Schema.Array(ApprovalRule).pipe(
  Schema.maxItems(maxRules, { message: () => `there are more than ${maxRules} rules` }),
  Schema.filter((rules) => JSON.stringify(rules).length <= maxJson || `the rules have more than ${maxJson} characters of JSON`)
)
export type ApprovalRules = typeof ApprovalRules.Type

/** A rule in events and views. It has no limits, because accepted values are not validated again. */
export const StoredRule = Schema.Struct({
  name: Schema.optional(Schema.String),
  match: Schema.Struct({
    kind: Kind,
    command: Schema.optional(Schema.String),
    path: Schema.optional(Schema.String),
    tool: Schema.optional(Schema.String)
  }),
  decision: Given
}).annotations({ identifier: "StoredRule" })
