/** An intent is an event of the log that the Dispatcher carries out on an agent. It is parsed without a schema, because the server wrote it itself. */
import type { Attachment } from "@millrace/contracts/Attachment"
import { defined } from "@millrace/contracts/Defined"
import type { RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Answer, ChangedInput } from "@millrace/contracts/Item"
import type { StoredEvent } from "@millrace/log/EventLog"

export type Intent =
  | { readonly _tag: "Open"; readonly provider: string }
  | { readonly _tag: "StartTurn"; readonly turnId: TurnId }
  | { readonly _tag: "Steer"; readonly turnId: TurnId; readonly text: string; readonly attachments?: ReadonlyArray<Attachment> }
  | { readonly _tag: "Interrupt"; readonly turnId: TurnId }
  /** `requestId`: the agent's id of the request. `given`: the id by which a person answered it. */
  | { readonly _tag: "Answer"; readonly requestId: RequestId; readonly answer: Answer; readonly given: RequestId }
  | { readonly _tag: "Stop"; readonly reason: string }
  /** The thread was deleted: its sessions stop. */
  | { readonly _tag: "Deleted" }
  /** Asks nothing of the agent: the turn has ended, or was requeued. */
  | { readonly _tag: "TurnEnded"; readonly turnId: TurnId }

/** An intent for one session. */
export interface Addressed {
  readonly threadId: ThreadId
  readonly epoch: number
  readonly intent: Intent
}

interface ParsedEvent {
  readonly epoch: number
  readonly data: {
    readonly threadId: ThreadId
    readonly turnId: TurnId
    readonly requestId: RequestId
    readonly provider: string
    readonly text: string
    readonly attachments?: ReadonlyArray<Attachment>
    readonly reason: string
    readonly epoch?: number
    readonly decision?: Extract<Answer, { decision: unknown }>["decision"]
    readonly optionId?: string
    readonly label?: string
    readonly input?: ChangedInput
    readonly answers?: Extract<Answer, { answers: unknown }>["answers"]
    readonly answer?: Answer
    readonly held?: true
    readonly repeatedAs?: RequestId
  }
}

const cancel: Answer = { decision: "cancel" }

const answerOf = ({ decision, answers, input, optionId, label, reason }: ParsedEvent["data"]): Answer => {
  if (answers !== undefined) return { answers }
  const addition = defined({ input, reason })
  const option = optionId === undefined ? undefined : { optionId, ...defined({ label }), ...addition }
  return decision !== undefined ? { decision, ...option, ...addition } : (option ?? cancel)
}

const answering = ({ repeatedAs, requestId }: ParsedEvent["data"], answer: Answer): Intent => ({
  _tag: "Answer",
  requestId: repeatedAs ?? requestId,
  answer,
  given: requestId
})

const intentOf: Record<string, (data: ParsedEvent["data"]) => Intent | undefined> = {
  "session.started": ({ provider }) => ({ _tag: "Open", provider }),
  "turn.dispatched": ({ turnId }) => ({ _tag: "StartTurn", turnId }),
  "turn.steered": ({ turnId, text, attachments }) => ({ _tag: "Steer", turnId, text, ...defined({ attachments }) }),
  "turn.interrupt.requested": ({ turnId }) => ({ _tag: "Interrupt", turnId }),
  /** The answer to a held request is kept until the agent asks again. */
  "request.answered": (data) => (data.held === true ? undefined : answering(data, answerOf(data))),
  "request.repeated": (data) => (data.answer === undefined ? undefined : answering(data, data.answer)),
  /** An agent that still runs gets a cancellation. */
  "request.expired": (data) => answering(data, cancel),
  "session.stop.requested": ({ reason }) => ({ _tag: "Stop", reason }),
  "thread.deleted": () => ({ _tag: "Deleted" }),
  "turn.completed": ({ turnId }) => ({ _tag: "TurnEnded", turnId }),
  "turn.interrupted": ({ turnId }) => ({ _tag: "TurnEnded", turnId }),
  "turn.requeued": ({ turnId }) => ({ _tag: "TurnEnded", turnId }),
  "turn.failed": ({ turnId }) => ({ _tag: "TurnEnded", turnId })
}

/** The intent of an event; `undefined` for all other events, which are not parsed. */
export const read = (event: StoredEvent): Addressed | undefined => {
  const make = intentOf[event.type]
  if (make === undefined) return undefined
  const { data, epoch } = JSON.parse(event.json) as ParsedEvent
  const intent = make(data)
  return intent === undefined ? undefined : { threadId: data.threadId, epoch, intent }
}
