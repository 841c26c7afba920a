/** Predicts the answer to a command from the log so far. It shares no code with decide. */
import type { Command } from "@millrace/contracts/Command"
import { unfinishedGoal, type Request, type Thread } from "./Thread.ts"

/** The answer to a command: the rule that rejects it, or its result. */
export interface Prediction {
  readonly rule?: string
  readonly outcome?: string
  readonly turnId?: string
}

/** Threads and requests by their ids. */
interface Known {
  readonly threads: ReadonlyMap<string, Thread>
  readonly requests: ReadonlyMap<string, Request>
}

const rule = (name: string): Prediction => ({ rule: name })

const steerable = ({ active, steer, stopping }: Thread): boolean => active !== undefined && steer && !stopping

const waiting = (thread: Thread, turnId: string, then: (turnId: string) => Prediction): Prediction => {
  if (thread.queue.includes(turnId)) return then(turnId)
  return rule(thread.knows(turnId) ? "TurnNotQueued" : "TurnNotFound")
}

const begun = (thread: Thread, command: Extract<Command, { type: "turn.start" }>): Prediction => {
  const { active } = thread
  const { expectedTurnId, strategy = "enqueue" } = command
  if (thread.archived) return rule("ThreadArchived")
  if (expectedTurnId !== undefined && expectedTurnId !== active) return rule("TurnMismatch")
  if (strategy === "reject" && (active !== undefined || thread.queue.length > 0)) return rule("TurnActive")
  if (strategy === "steer" && active !== undefined && steerable(thread)) return { outcome: "steering", turnId: active }
  // Text that cannot be added to a running turn is queued in order.
  const first = thread.queue.length === 0 || strategy === "interrupt"
  // A new message decides how the thread continues.
  if (thread.idle && first) return { outcome: thread.needsNewSession ? "queued" : "started" }
  return { outcome: strategy === "interrupt" && active !== undefined ? "interrupting" : "queued" }
}

const answered = ({ requests }: Known, command: Extract<Command, { type: "request.answer" }>): Prediction => {
  const request = requests.get(command.requestId)
  if (request === undefined || request.thread.deleted) return rule("RequestNotFound")
  if (!request.open) return { outcome: "already-settled" }
  if (request.thread.plan?.request === request.id && !request.held && command.answers !== undefined)
    return ["continue", "leave"].includes(command.answers["continue"]?.[0] ?? "")
      ? { outcome: "answered" }
      : rule("AnswersIncomplete")
  const { ask } = request
  if (ask.kind !== "question")
    return command.decision !== undefined && ask.choices.includes(command.decision)
      ? { outcome: "answered" }
      : rule("DecisionNotOffered")
  if (command.answers !== undefined)
    return ask.questions.every(({ id }) => command.answers?.[id]?.some((given) => given.trim() !== "") === true)
      ? { outcome: "answered" }
      : rule("AnswersIncomplete")
  return command.decision === "cancel" || command.decision === "decline" ? { outcome: "answered" } : rule("AnswersIncomplete")
}

/** The answer that this command must get in the current state. */
export const predict = (known: Known, command: Command): Prediction => {
  if (command.type === "request.answer") return answered(known, command)
  if (command.type === "thread.create") {
    if (command.provider === "none") return rule("ProviderUnknown")
    return command.cwd === "/nowhere" ? rule("DirectoryNotFound") : {}
  }
  if (!("threadId" in command)) return {}
  const thread = known.threads.get(command.threadId)
  if (thread === undefined) return rule("ThreadNotFound")
  if (thread.deleted) return rule("ThreadDeleted")
  switch (command.type) {
    case "turn.start":
      return begun(thread, command)
    case "turn.interrupt": {
      const turnId = command.turnId ?? thread.active
      if (turnId === undefined) return { outcome: "not-running" }
      if (thread.queue.includes(turnId)) return { outcome: "dequeued", turnId }
      if (thread.open.has(turnId)) return { outcome: "interrupting", turnId }
      return thread.ended.has(turnId) ? { outcome: "not-running", turnId } : rule("TurnNotFound")
    }
    case "turn.edit":
      return waiting(thread, command.turnId, (turnId) =>
        thread.shown.has(turnId) ? rule("TurnNotQueued") : { outcome: "queued", turnId }
      )
    case "turn.remove":
      return waiting(thread, command.turnId, (turnId) => ({ outcome: "dequeued", turnId }))
    case "turn.promote":
      return waiting(thread, command.turnId, (turnId) => {
        const { active } = thread
        if (command.strategy === "steer" && steerable(thread) && !thread.shown.has(turnId))
          return { outcome: "steering", ...(active === undefined ? {} : { turnId: active }) }
        return { outcome: command.strategy === "interrupt" && active !== undefined ? "interrupting" : "queued", turnId }
      })
    case "turn.reorder":
      for (const turnId of command.turnIds) {
        const found = waiting(thread, turnId, () => ({}))
        if (found.rule !== undefined) return found
      }
      return {}
    case "goal.set":
      return thread.archived ? rule("ThreadArchived") : {}
    case "goal.pause":
    case "goal.resume":
      if (thread.goal === undefined) return rule("GoalNotFound")
      if (command.type === "goal.resume" && thread.archived) return rule("ThreadArchived")
      return unfinishedGoal.has(thread.goal.status) ? {} : rule("GoalOver")
    case "goal.clear":
      return thread.goal === undefined ? rule("GoalNotFound") : {}
    case "session.stop":
      return command.expectedEpoch !== undefined && (thread.session === undefined || command.expectedEpoch !== thread.epoch)
        ? rule("TurnMismatch")
        : {}
    default:
      return {}
  }
}
