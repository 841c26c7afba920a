/** The client of a model run. It sends commands with ids, sends them again after a crash, and compares each answer with the reference's prediction (C1, C2, C3). */
import type { Accepted, BodyOf, Command, CommandType } from "@millrace/contracts/Command"
import { make } from "@millrace/contracts/Command"
import type { LogEvent } from "@millrace/contracts/Event"
import { CommandId } from "@millrace/contracts/Ids"
import { Engine } from "@millrace/orchestration/engine/Engine"
import { Cause, Effect, Exit, Option } from "effect"
import type { Job } from "./Machine.ts"
import { type Prediction, predict } from "./Predict.ts"
import type { Reference } from "./Reference.ts"
import type { Server } from "./Server.ts"

interface Sent {
  readonly command: Command
  job: Job<Accepted, { readonly _tag: string }> | undefined
  /** The answer, in the form of a prediction. */
  answer: Prediction | undefined
  accepted: Accepted | undefined
  /** The allowed answers: in the state at the command's events or, without events, in any state since it was sent. */
  readonly possible: Array<Prediction>
  fixed: boolean
}

interface Answered {
  readonly accepted: Accepted | undefined
  readonly prediction: Prediction
}

const agrees = (answer: Prediction, predicted: Prediction): boolean =>
  answer.rule === predicted.rule &&
  (predicted.outcome === undefined || answer.outcome === predicted.outcome) &&
  (predicted.turnId === undefined || answer.turnId === predicted.turnId)

export class Client {
  private readonly sent: Array<Sent> = []
  private readonly reference: Reference
  private readonly say: (violation: string) => void

  constructor(reference: Reference, say: (violation: string) => void) {
    this.reference = reference
    this.say = say
  }

  get count(): number {
    return this.sent.length
  }

  private readonly ask = (server: Server, command: Command) =>
    server.do(Effect.flatMap(Engine, (engine) => engine.dispatch(command, "tester")))

  send<T extends CommandType>(server: Server, type: T, body: BodyOf<T>): void {
    const command = make(CommandId.make(`cmd-${this.sent.length + 1}`), type, body) as Command
    const possible = [predict(this.reference, command)]
    this.sent.push({ command, job: this.ask(server, command), answer: undefined, accepted: undefined, possible, fixed: false })
  }

  /** The server has exited: the outcome of unanswered commands is unknown. */
  lost(): void {
    for (const sent of this.sent) if (sent.answer === undefined) sent.job = undefined
  }

  /** Sends unanswered commands again, with the same id. */
  resend(server: Server): void {
    for (const sent of this.sent)
      if (sent.answer === undefined && sent.job === undefined) sent.job = this.ask(server, sent.command)
  }

  /** Sends an earlier command again, with its id. Returns the check for its answer; `undefined` if there is no earlier command. */
  again(server: Server, at: number): ((events: ReadonlyArray<LogEvent>) => void) | undefined {
    const sent = this.sent[at % Math.max(1, this.sent.length)]
    if (sent === undefined || sent.answer === undefined) return undefined
    const { accepted, answer: first, command } = sent
    const job = this.ask(server, command)
    return (events) => {
      const answer = job === undefined ? undefined : this.answerOf(job)
      const same =
        answer?.accepted?.offset === accepted?.offset &&
        answer?.prediction.rule === first.rule &&
        answer?.prediction.outcome === first.outcome
      if (!same)
        this.say(`C2 ${command.commandId} was answered ${JSON.stringify(first)}, and again ${JSON.stringify(answer?.prediction)}`)
      if (events.some(({ commandId }) => commandId === command.commandId)) this.say(`C2 ${command.commandId} ran twice`)
    }
  }

  private answerOf(job: Job<Accepted, { readonly _tag: string }>): Answered | undefined {
    const exit = job.exit()
    if (exit === undefined) return undefined
    if (Exit.isSuccess(exit)) {
      const { outcome, turnId } = exit.value
      return {
        accepted: exit.value,
        prediction: { ...(outcome === undefined ? {} : { outcome }), ...(turnId === undefined ? {} : { turnId }) }
      }
    }
    const error = Option.getOrUndefined(Cause.failureOption(exit.cause)) as
      | { readonly _tag: string; readonly rule?: string }
      | undefined
    if (error === undefined) this.say(`C1 a command died: ${Cause.pretty(exit.cause)}`)
    return { accepted: undefined, prediction: { rule: error?.rule ?? error?._tag ?? "defect" } }
  }

  private get open(): ReadonlyArray<Sent> {
    return this.sent.filter(({ answer, fixed }) => answer === undefined && !fixed)
  }

  /** Call before the reference applies an event: the event's command was decided in this state. */
  before(event: LogEvent): void {
    if (event.commandId === undefined) return
    for (const sent of this.open)
      if (sent.command.commandId === event.commandId) {
        sent.possible.splice(0, Number.POSITIVE_INFINITY, predict(this.reference, sent.command))
        sent.fixed = true
      }
  }

  /** Call after the reference applied an event: a pending command without events may be decided in this state. */
  after(): void {
    for (const sent of this.open) sent.possible.push(predict(this.reference, sent.command))
  }

  /** Whether the command may have been decided in a state that the reference did not read. */
  private isUnseen(command: Command): boolean {
    const threadId =
      command.type === "request.answer"
        ? this.reference.requests.get(command.requestId)?.thread.id
        : "threadId" in command
          ? command.threadId
          : undefined
    return threadId !== undefined && this.reference.unseen.has(threadId)
  }

  /** Checks the answers that arrived. The log was read up to `head`. */
  hear(head: number): void {
    for (const sent of this.sent) {
      if (sent.answer !== undefined || sent.job === undefined) continue
      const answer = this.answerOf(sent.job)
      if (answer === undefined) continue
      sent.answer = answer.prediction
      sent.accepted = answer.accepted
      if (!this.isUnseen(sent.command) && !sent.possible.some((one) => agrees(answer.prediction, one)))
        this.say(
          `C1 ${JSON.stringify(sent.command)} was answered ${JSON.stringify(answer.prediction)}; due was ${JSON.stringify(sent.possible)}`
        )
      if (answer.accepted !== undefined && answer.accepted.offset > head) this.say("L2 a command was answered before its commit")
    }
  }

  /** C3: while the server is idle, no command is unanswered. */
  waiting(): void {
    for (const { answer, command } of this.sent)
      if (answer === undefined) this.say(`C3 ${command.commandId} ${command.type} is not answered`)
  }
}
