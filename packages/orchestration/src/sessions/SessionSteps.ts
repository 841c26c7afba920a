/**
 * Decides what the driver of one session does next, without I/O: the driver calls the agent, waits, and submits facts. The agent gets turns and steers
 * one at a time and in order. Answers and interrupts overtake them, but an interrupt waits until the agent has accepted or refused its turn (T7). A
 * steer is either accepted by the agent or refused; a refused steer becomes a turn (T12). So a steer with an unknown outcome may reach the agent twice,
 * but is never lost.
 */
import type { Attachment } from "@millrace/contracts/Attachment"
import type { TurnId } from "@millrace/contracts/Ids"
import type { Failure } from "@millrace/contracts/Item"
import type { ProviderError } from "@millrace/contracts/ProviderAdapter"
import type { Intent } from "./Intent.ts"

/** A call to the agent. */
export type Call = Extract<Intent, { _tag: "StartTurn" | "Steer" | "Interrupt" | "Answer" }>

export type Step =
  /** Call the agent, then pass the outcome to `answered`. */
  | { readonly _tag: "Call"; readonly call: Call }
  /** Stop the session if the turn is still open after the time budget of an interrupt. */
  | { readonly _tag: "Deadline"; readonly turnId: TurnId }
  | { readonly _tag: "Stop"; readonly reason: string }
  /** Submit a fact of this session. */
  | { readonly _tag: "TurnRefused"; readonly turnId: TurnId; readonly failure: Failure }
  | {
      readonly _tag: "SteerRefused"
      readonly turnId: TurnId
      readonly text: string
      readonly attachments?: ReadonlyArray<Attachment>
    }

/** Maximum number of calls behind which a steer waits for the agent; beyond it a steer is refused. */
const maxWaiting = 64

/** Whether the agent must not get another turn after this failure. */
const isFatal = ({ outcome, failure }: ProviderError): boolean =>
  outcome === "unknown" || failure.kind === "process" || failure.kind === "transport"

const refused = (call: Call | undefined): ReadonlyArray<Step> =>
  call?._tag === "Steer" ? [{ ...call, _tag: "SteerRefused" }] : []

/** An agent that is not open cannot be interrupted, so its session stops. */
const stopSetup: ReadonlyArray<Step> = [
  { _tag: "Stop", reason: "the turn was interrupted during the setup of its worktree; the next turn runs the setup again" }
]

export class SessionSteps {
  #phase: "opening" | "setup" | "open" | "ended" = "opening"
  /** The open turns, and whether the agent has accepted or refused each. */
  readonly #turns = new Map<TurnId, boolean>()
  /** The turn or steer that the agent has not answered. */
  #running: Call | undefined
  #waiting: ReadonlyArray<Call> = []
  /** Why the agent gets no more turns. */
  failure: Failure | undefined

  get openTurns(): Pick<ReadonlySet<TurnId>, "has" | "size"> {
    return this.#turns
  }

  /** Takes the intents in the order of the log. */
  take(intent: Intent): ReadonlyArray<Step> {
    switch (intent._tag) {
      case "Open":
        return []
      case "Stop":
        return [intent]
      case "Deleted":
        return [{ _tag: "Stop", reason: "the thread was deleted" }]
      case "TurnEnded":
        this.#turns.delete(intent.turnId)
        this.#waiting = this.#waiting.filter(
          (call) => call._tag === "Answer" || call._tag === "Steer" || call.turnId !== intent.turnId
        )
        return []
      case "Steer":
        return this.#phase === "ended" || this.#waiting.length >= maxWaiting ? refused(intent) : this.#calls(intent)
      case "StartTurn":
        this.#turns.set(intent.turnId, false)
        return this.#calls(intent)
      case "Interrupt":
        // A turn that was not dispatched: the agent began it itself, so it has accepted it.
        if (!this.#turns.has(intent.turnId)) this.#turns.set(intent.turnId, true)
        if (this.#phase === "setup") return stopSetup
        return [{ _tag: "Deadline", turnId: intent.turnId }, ...this.#calls(intent)]
      case "Answer":
        return this.#calls(intent)
    }
  }

  /** The setup command of the worktree runs; the agent is not open yet. */
  settingUp(): ReadonlyArray<Step> {
    this.#phase = "setup"
    return this.#waiting.some(({ _tag }) => _tag === "Interrupt") ? stopSetup : []
  }

  /** The setup command has ended. */
  isSetUp(): ReadonlyArray<Step> {
    this.#phase = "opening"
    return []
  }

  /** The agent is open. */
  opened(): ReadonlyArray<Step> {
    this.#phase = "open"
    return this.#calls()
  }

  /** The agent has accepted a call, or the call failed. A call without a certain outcome counts as failed. */
  answered(call: Call, error?: ProviderError): ReadonlyArray<Step> {
    if (call === this.#running) this.#running = undefined
    if (call._tag === "StartTurn" && this.#turns.has(call.turnId)) this.#turns.set(call.turnId, true)
    return [...(error === undefined ? [] : this.#failed(call, error)), ...this.#calls()]
  }

  /** The agent has ended: no more calls. Refuses the steers that it has not accepted. */
  end(): ReadonlyArray<Step> {
    this.#phase = "ended"
    return [this.#running, ...this.#waiting].flatMap(refused)
  }

  #failed(call: Call, error: ProviderError): ReadonlyArray<Step> {
    const { failure } = error
    switch (call._tag) {
      case "StartTurn":
        if (!isFatal(error)) return [{ _tag: "TurnRefused", turnId: call.turnId, failure }]
        this.failure ??= failure
        return [{ _tag: "Stop", reason: failure.message }]
      case "Steer":
        return this.#phase === "ended" ? [] : refused(call)
      case "Answer":
        // The agent would wait for the answer indefinitely.
        return [{ _tag: "Stop", reason: `the agent could not be given an answer: ${failure.message}` }]
      case "Interrupt":
        return []
    }
  }

  /** Steps for the waiting and added calls that the agent can get now; the others wait. */
  #calls(...added: ReadonlyArray<Call>): ReadonlyArray<Step> {
    const waiting = [...this.#waiting, ...added]
    const ready = this.#phase === "open" ? waiting.filter((call) => this.#begins(call)) : []
    this.#waiting = waiting.filter((call) => !ready.includes(call))
    return ready.map((call) => ({ _tag: "Call", call }))
  }

  #begins(call: Call): boolean {
    if (call._tag === "Answer") return true
    if (call._tag === "Interrupt") return this.#turns.get(call.turnId) !== false
    if (this.#running !== undefined || (call._tag === "StartTurn" && this.failure !== undefined)) return false
    this.#running = call
    return true
  }
}
