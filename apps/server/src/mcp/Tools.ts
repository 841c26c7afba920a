/** The tools of the MCP server. Each has the fields of a command or of a query, answers within the bound of `Bounded.ts`, and says how to continue. */
import { randomUUID } from "node:crypto"
import { Effect, Schema } from "effect"
import { type Command, CommandBody, type CommandType } from "@millrace/contracts/Command"
import { defined } from "@millrace/contracts/Defined"
import { ThreadFilter } from "@millrace/contracts/Filter"
import { CommandId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import { SearchFilter } from "@millrace/contracts/Search"
import { DiffFrom, DiffTo } from "@millrace/contracts/Workspace"
import { EventLog } from "@millrace/log/EventLog"
import { storageUnavailable } from "@millrace/log/StorageError"
import { answerOf } from "@millrace/model/Item"
import * as TurnEnd from "@millrace/orchestration/readmodel/TurnEnd"
import { Session } from "../auth/Session.ts"
import * as Commands from "../Commands.ts"
import * as Strict from "../http/Strict.ts"
import * as TurnWait from "../http/TurnWait.ts"
import { Service } from "../Service.ts"
import * as Bounded from "./Bounded.ts"
import * as Reach from "./Reach.ts"
import * as Shown from "./Shown.ts"
import * as Tool from "./Tool.ts"

/** Most entries of one page. */
const maxEntries = 50
const defaultEntries = 20
/** Most seconds of one wait: agents end a tool call that takes longer than a minute. */
const maxWaitSeconds = 50
const defaultWaitSeconds = 20
/** Most characters of a turn's answer, and of one part of a diff. */
const maxText = 32_768

const limit = Schema.optional(Schema.Int.pipe(Schema.between(1, maxEntries))).annotations({
  description: `At most this many entries. Default ${defaultEntries}, at most ${maxEntries}.`
})
const before = Schema.optional(Schema.Int.pipe(Schema.positive())).annotations({
  description: "The `before` of the last page, for the page of older entries."
})
const after = Schema.optional(Schema.Int.pipe(Schema.nonNegative())).annotations({
  description: "The `after` of the last part, for the next part."
})

const decodeCommand = Strict.command("arguments")

export const make = Effect.gen(function* () {
  const service = yield* Service
  const log = yield* EventLog
  const wait = yield* TurnWait.make

  /** A thread that an agent creates is a child of the agent's thread. */
  const dispatch = (command: Command, { actor, thread }: Session["Type"]) =>
    thread !== undefined && (command.type === "thread.create" || command.type === "thread.fork")
      ? service.dispatchChild(thread, command, actor)
      : service.dispatch(Commands.withDefaultCwd(command), actor)

  /** A tool with the fields of a command and, as its idempotency key, an optional `commandId`. */
  const command = (
    name: string,
    type: CommandType,
    options: { readonly description: string; readonly changes: "adds" | "ends"; readonly next?: string }
  ) => {
    const fields: Schema.Struct.Fields = {
      ...CommandBody[type].fields,
      commandId: Schema.optional(CommandId).annotations({
        description: "Send the call again with the same id if its answer was lost: it then runs once."
      })
    }
    return Tool.make({
      name,
      operation: type,
      changes: options.changes,
      description: options.description,
      // All fields of commands are decoded without services.
      input: Schema.Struct(fields) as unknown as Schema.Schema<object>,
      call: (given) =>
        Effect.gen(function* () {
          const session = yield* Session
          const decoded = yield* decodeCommand({ commandId: `cmd_${randomUUID()}`, ...given, type }, "strict")
          if ("threadId" in decoded) yield* Reach.check(service, session, decoded.threadId)
          if (decoded.type === "request.answer") yield* Reach.checkAnswer(service, session, decoded.requestId)
          const { status: _, ...accepted } = yield* Effect.uninterruptible(dispatch(decoded, session))
          return { ...accepted, ...(accepted.turnId !== undefined && defined({ next: options.next })) }
        })
    })
  }
  const thenWait = "Call turn_wait with this turnId to wait for its end."

  return [
    Tool.make({
      name: "thread_list",
      operation: "threads",
      description: "Lists threads (conversations with agents), newest first. `before` in the answer continues the list.",
      input: Schema.Struct({ ...ThreadFilter.fields, before, limit }),
      call: ({ before, limit = defaultEntries, ...filter }) =>
        Effect.gen(function* () {
          const seen = yield* Reach.threadsOf(service, yield* Session)
          return yield* Bounded.page(
            limit,
            (limit) => service.threads({ ...filter, ...defined({ before }), limit }),
            (found) => ({
              threads: found.items.filter(({ threadId }) => seen?.has(threadId) !== false).map(Shown.thread),
              ...defined({ before: found.before })
            })
          )
        })
    }),
    command("thread_create", "thread.create", {
      changes: "adds",
      description:
        "Creates a thread: a new conversation with an agent, in a directory (`cwd`) or a project. With `turn` it sends the first prompt.",
      next: thenWait
    }),
    command("turn_send", "turn.start", {
      changes: "adds",
      description:
        "Sends a prompt to a thread. If a turn runs, `strategy` says what happens; by default the prompt waits in the queue.",
      next: thenWait
    }),
    Tool.make({
      name: "turn_wait",
      operation: "turn",
      description: `Waits until a turn has ended or asks a question, at most \`wait\` seconds, and returns its status and the agent's answer. If the turn still runs, call it again.`,
      input: Schema.Struct({
        turnId: TurnId,
        wait: Schema.optional(Schema.Int.pipe(Schema.between(0, maxWaitSeconds))).annotations({
          description: `Seconds. Default ${defaultWaitSeconds}, at most ${maxWaitSeconds}.`
        })
      }),
      call: ({ turnId, wait: seconds = defaultWaitSeconds }) =>
        Effect.gen(function* () {
          const { threadId } = yield* wait(turnId, 0)
          yield* Reach.check(service, yield* Session, threadId)
          const turn = yield* wait(turnId, seconds, true)
          const end = yield* Effect.mapError(TurnEnd.endOf(log, turn), storageUnavailable)
          if (end !== undefined) {
            const { after, text } = Bounded.part(answerOf(end.items), 0, maxText)
            return {
              turn: Shown.turn(end.turn ?? turn),
              ended: true,
              answer: text,
              ...(after !== undefined && { next: "The answer is cut. Read all of it with thread_read." })
            }
          }
          const requests = turn.status === "waiting" ? yield* service.requests : []
          const own = requests.filter((request) => request.turnId === turnId && request.status === "open")
          return {
            turn: Shown.turn(turn),
            ended: false,
            ...(own.length > 0 && { requests: own.slice(0, 5).map(Shown.request) }),
            next:
              own.length > 0
                ? "The turn waits for an answer. Answer with request_answer, or leave it to a person and call turn_wait again."
                : "The turn is still running. Call turn_wait again."
          }
        })
    }),
    Tool.make({
      name: "thread_read",
      operation: "items",
      description:
        "Reads a thread: its state and its latest items (messages, commands, changes), oldest of the page first. `before` in the answer continues with older items. Long texts are cut.",
      input: Schema.Struct({ threadId: ThreadId, before, limit }),
      call: ({ before, limit = defaultEntries, threadId }) =>
        Effect.gen(function* () {
          yield* Reach.check(service, yield* Session, threadId)
          const thread = yield* service.thread(threadId)
          return yield* Bounded.page(
            limit,
            (limit) => service.items(threadId, { ...defined({ before }), limit }),
            (found) => ({
              thread: Shown.thread(thread),
              items: found.items.toReversed().map(Shown.item),
              ...defined({ before: found.before })
            })
          )
        })
    }),
    Tool.make({
      name: "search",
      operation: "search",
      description:
        "Searches the texts of all threads, newest first. A match is between U+2068 and U+2069. `before` in the answer continues.",
      input: Schema.Struct({ ...SearchFilter.fields, before, limit }),
      call: ({ limit = defaultEntries, ...request }) =>
        Effect.gen(function* () {
          const seen = yield* Reach.threadsOf(service, yield* Session)
          return yield* Bounded.page(
            limit,
            (limit) => service.search({ ...request, limit }),
            ({ hits, more, ...found }) => ({
              ...found,
              hits: hits.filter(({ threadId }) => seen?.has(threadId) !== false),
              ...defined({ before: more })
            })
          )
        })
    }),
    command("turn_interrupt", "turn.interrupt", {
      changes: "ends",
      description: "Interrupts a turn of a thread: the given one, or the running one. A queued turn is removed from the queue."
    }),
    command("thread_fork", "thread.fork", {
      changes: "adds",
      description: "Creates a thread whose agent has a copy of this thread's conversation, up to a turn if `turnId` is given."
    }),
    command("request_answer", "request.answer", {
      changes: "adds",
      description:
        "Answers an open request of an agent: an approval with `decision` or `optionId`, a question with `answers`. The first answer counts."
    }),
    Tool.make({
      name: "thread_diff",
      operation: "threadDiff",
      description:
        "Shows which files a thread, or one of its turns, changed; with `patch` the unified diff instead. `after` in the answer continues. Needs checkpoints and a git repository.",
      input: Schema.Struct({
        threadId: ThreadId,
        turnId: Schema.optional(TurnId).annotations({ description: "Only what this turn changed; instead of `from` and `to`." }),
        from: Schema.optional(DiffFrom).annotations({ description: "`start`, or the start of this turn. Default: start." }),
        to: Schema.optional(DiffTo).annotations({ description: "`now`, or the end of this turn. Default: now." }),
        patch: Schema.optional(Schema.Boolean).annotations({ description: "The unified diff." }),
        after
      }),
      call: ({ after = 0, patch = false, threadId, ...range }) =>
        Effect.gen(function* () {
          yield* Reach.check(service, yield* Session, threadId)
          if (patch) {
            const found = yield* service.patch(threadId, range)
            const { after: rest, text } = Bounded.part(new TextDecoder().decode(found.patch), after, maxText)
            return { patch: text, ...defined({ after: rest, truncated: found.truncated ? true : undefined }) }
          }
          const { files, ...diff } = yield* service.diff(threadId, range)
          const end = after + maxEntries
          return { ...diff, files: files.slice(after, end), ...(end < files.length && { after: end }) }
        })
    })
  ] as const
})
