/** The items and the requests of a turn. Shared by provider events, log events and read models. */
import { StoredRule } from "./ApprovalRule.ts"
import { Attachment } from "./Attachment.ts"
import { Blob, Blobs } from "./Blob.ts"
import { Schema } from "effect"
import { oneOf } from "./OneOf.ts"
import { ItemId, RequestId, ThreadId, TurnId } from "./Ids.ts"

/** Open set: an unknown kind is passed on unchanged. */
export const ItemKind = Schema.String.annotations({
  description:
    "user-message | agent-message | reasoning | command | file-change | tool-call | plan | web-search | image | compaction | notice | another kind of a newer provider"
})
export type ItemKind = typeof ItemKind.Type

/** Absent for the agent's items, and in logs of older versions: there a `user-message` is the user's. */
export const ItemRole = Schema.optional(Schema.Literal("user")).annotations({
  description:
    "user: the item is a prompt, of a person (`user-message`) or of the server for a continuation, goal or action (`notice`)."
})

export const FileChange = Schema.Struct({
  path: Schema.String,
  change: Schema.Literal("add", "update", "delete", "move"),
  movedTo: Schema.optional(Schema.String),
  diff: Schema.optional(Schema.String.annotations({ description: "Unified diff." })),
  blob: Schema.optional(Blob.annotations({ description: "The whole diff, if `diff` is only its beginning." }))
}).annotations({ identifier: "FileChange" })
export type FileChange = typeof FileChange.Type

export const PlanStep = Schema.Struct({
  text: Schema.String,
  status: Schema.Literal("pending", "in-progress", "completed")
}).annotations({ identifier: "PlanStep" })
export type PlanStep = typeof PlanStep.Type

/** The content of an item. Which fields are present depends on `kind`. */
export const ItemContent = Schema.Struct({
  text: Schema.optional(Schema.String.annotations({ description: "Messages, reasoning, plans: the authoritative text." })),
  command: Schema.optional(Schema.String.annotations({ description: "command: the command line." })),
  cwd: Schema.optional(Schema.String),
  output: Schema.optional(
    Schema.String.annotations({ description: "command: standard output and error as the provider joined them." })
  ),
  exitCode: Schema.optional(Schema.Int),
  durationMillis: Schema.optional(Schema.Number),
  changes: Schema.optional(Schema.Array(FileChange)),
  tool: Schema.optional(Schema.String.annotations({ description: "tool-call: `server/tool` or the tool's name." })),
  input: Schema.optional(Schema.Unknown),
  result: Schema.optional(Schema.Unknown),
  steps: Schema.optional(Schema.Array(PlanStep)),
  parentItemId: Schema.optional(ItemId).annotations({
    description:
      "Of an item of a sub-agent: the tool call that started the sub-agent, an earlier item of the same turn. Such an item is not part of the turn's answer."
  }),
  attachments: Schema.optional(Schema.Array(Attachment)).annotations({
    description:
      "Files of a prompt, or files that the agent shows; at most 16. Of the latter the text has a placeholder like `[image: image-1.png]`."
  }),
  blobs: Schema.optional(Blobs),
  omittedBytes: Schema.optional(
    Schema.Int.annotations({
      description:
        "Bytes at the end of the text or output that are not kept: an item keeps at most 32 MiB, the open items of a session 64 MiB together."
    })
  ),
  truncatedBytes: Schema.optional(
    Schema.Int.annotations({ description: "Only in logs of older versions: bytes cut from this item." })
  )
})
export type ItemContent = typeof ItemContent.Type

/** How an item ended. `aborted`: its turn or its session ended first; `reason` states which of them (T9). */
export const ItemStatus = Schema.Literal("completed", "failed", "declined", "aborted")
export type ItemStatus = typeof ItemStatus.Type

export const ItemView = Schema.Struct({
  itemId: ItemId,
  threadId: ThreadId,
  turnId: TurnId,
  kind: ItemKind,
  role: ItemRole,
  status: Schema.Union(Schema.Literal("open"), ItemStatus),
  reason: Schema.optional(Schema.String),
  ...ItemContent.fields
}).annotations({
  identifier: "Item",
  description: "What a turn produces: a message, a command, a file change and so on. Which fields are present depends on `kind`."
})
export type ItemView = typeof ItemView.Type

/** Tokens of one turn as the provider counts them. */
export const Usage = Schema.Struct({
  inputTokens: Schema.optional(Schema.Int),
  cachedInputTokens: Schema.optional(Schema.Int),
  outputTokens: Schema.optional(Schema.Int),
  reasoningTokens: Schema.optional(Schema.Int),
  totalTokens: Schema.optional(Schema.Int),
  contextWindow: Schema.optional(Schema.Int),
  contextTokens: Schema.optional(Schema.Int.annotations({ description: "Tokens of the context window that are in use." }))
}).annotations({ identifier: "Usage", description: "Tokens of one turn as the agent counts them." })
export type Usage = typeof Usage.Type

/** Why a turn or a session failed. A closed set of kinds. */
export const Failure = Schema.Struct({
  kind: Schema.Literal(
    "auth",
    "limit",
    "overloaded",
    "context",
    "transport",
    "process",
    "protocol",
    "not-installed",
    "refused",
    "unknown"
  ),
  message: Schema.String,
  detail: Schema.optional(
    Schema.String.annotations({ description: "Evidence, such as the exit code and the last lines of standard error." })
  ),
  resetAt: Schema.optional(Schema.String.annotations({ description: "limit: when it resets, ISO 8601." }))
}).annotations({ identifier: "Failure", description: "Why a turn or a session failed." })
export type Failure = typeof Failure.Type

export const Decision = oneOf("accept", "accept-for-session", "decline", "cancel")
export type Decision = typeof Decision.Type

export const Question = Schema.Struct({
  id: Schema.String,
  text: Schema.String,
  header: Schema.optional(Schema.String),
  options: Schema.optional(Schema.Array(Schema.Struct({ label: Schema.String, description: Schema.optional(Schema.String) }))),
  multiple: Schema.optional(Schema.Boolean.annotations({ description: "More than one option may be chosen." })),
  secret: Schema.optional(Schema.Boolean)
})
export type Question = typeof Question.Type

/** One answer that the agent offers to an approval. */
export const ApprovalOption = Schema.Struct({
  optionId: Schema.String.annotations({ description: "The agent's own id, unique within the request." }),
  label: Schema.String.annotations({ description: "The option's text, from the agent." }),
  kind: Schema.String.annotations({
    description: "accept | accept-for-session | decline | cancel; an unknown kind is kept as the agent wrote it."
  })
})
export type ApprovalOption = typeof ApprovalOption.Type

/** The question to a person, and the choices. */
export const Ask = Schema.Union(
  Schema.Struct({
    kind: Schema.Literal("approval"),
    title: Schema.String.annotations({ description: "One line, like `Run: npm test`." }),
    itemId: Schema.optional(ItemId),
    command: Schema.optional(Schema.String),
    cwd: Schema.optional(Schema.String),
    changes: Schema.optional(Schema.Array(FileChange)),
    tool: Schema.optional(Schema.String).annotations({
      description: "The tool that the agent asks to use: `server/tool` or its name."
    }),
    complete: Schema.optional(Schema.Literal(true)).annotations({
      description:
        "`command`, `changes` or `tool` is all that accepting allows, as the agent will run it. Rules accept only such requests."
    }),
    reason: Schema.optional(Schema.String),
    blobs: Schema.optional(Blobs),
    choices: Schema.NonEmptyArray(Decision),
    takes: Schema.optional(Schema.Array(Schema.String)).annotations({
      description:
        "What the agent takes with an answer: `reason` with a decline, `input` (a changed `command`) with `accept`. Absent: neither."
    }),
    options: Schema.optional(Schema.Array(ApprovalOption)).annotations({
      description:
        "The agent's own options, if it names any. Answer with `optionId`; a `decision` works if exactly one option has that kind."
    })
  }).annotations({ identifier: "ApprovalAsk" }),
  Schema.Struct({
    kind: Schema.Literal("question"),
    title: Schema.String,
    itemId: Schema.optional(ItemId),
    questions: Schema.NonEmptyArray(Question),
    blobs: Schema.optional(Blobs)
  }).annotations({ identifier: "QuestionAsk" }),
  Schema.Struct({
    kind: Schema.Literal("sign-in"),
    title: Schema.String,
    itemId: Schema.optional(ItemId),
    blobs: Schema.optional(Blobs),
    instructions: Schema.String,
    command: Schema.optional(Schema.String).annotations({ description: "What to run on the server's machine." }),
    choices: Schema.NonEmptyArray(Decision)
  }).annotations({ identifier: "SignInAsk", description: "Its agent is not signed in. Accepted: the prompt is sent again." })
).annotations({ identifier: "Ask", description: "The question to a person, and the choices." })
export type Ask = typeof Ask.Type

/** The changed input of an accepted approval: 1 to 32,768 UTF-16 code units. */
export const ChangedInput = Schema.Struct({
  command: Schema.String.pipe(
    Schema.minLength(1, { message: () => "the command must not be empty" }),
    Schema.maxLength(32_768, { message: () => "the command is longer than 32768 characters" })
  )
}).annotations({
  identifier: "ChangedInput",
  description: "What the agent does instead of what it asked for: the command that it runs."
})
export type ChangedInput = typeof ChangedInput.Type

/** Answers to a question, by question id. */
export const Answers = Schema.Record({ key: Schema.String, value: Schema.Array(Schema.String) })
export type Answers = typeof Answers.Type

/** What a person adds to an approval's answer. */
const addition = {
  reason: Schema.optional(Schema.String).annotations({
    description: "Why. The agent gets it with a decline, if the request's `takes` has `reason`."
  }),
  input: Schema.optional(ChangedInput)
}

/**
 * An answer to a request: a decision or an option for an approval, answers for a question. An option always has its id; `decision` is present too if
 * the option's kind is one of the four. `label`: the option's text, for a reader that has only this event.
 */
export const Answer = Schema.Union(
  Schema.Struct({
    decision: Decision,
    optionId: Schema.optional(Schema.String),
    label: Schema.optional(Schema.String),
    ...addition
  }),
  Schema.Struct({ optionId: Schema.String, label: Schema.optional(Schema.String), ...addition }),
  Schema.Struct({ answers: Answers })
).annotations({ identifier: "Answer", description: "A decision or an option for an approval, answers for a question." })
export type Answer = typeof Answer.Type

export const RequestView = Schema.Struct({
  requestId: RequestId,
  threadId: ThreadId,
  turnId: TurnId,
  status: Schema.Literal("open", "answered", "expired", "cancelled"),
  ask: Ask,
  held: Schema.optional(Schema.Literal(true)).annotations({
    description:
      "The server that asked has ended. The request stays open for `turnId`, the turn that continues the work. An answer is kept until the agent asks again."
  }),
  repeatedAs: Schema.optional(RequestId).annotations({
    description: "After a restart: the id under which the agent asked again."
  }),
  proposedRule: Schema.optional(StoredRule).annotations({
    description: "The approval rule that would accept this request from now on."
  }),
  reasks: Schema.optional(RequestId).annotations({
    description: "Only in logs of older versions: an earlier turn's request with the same question, which expired."
  }),
  openedAt: Schema.String
}).annotations({ identifier: "Request", description: "A question of the agent to a person." })
export type RequestView = typeof RequestView.Type
