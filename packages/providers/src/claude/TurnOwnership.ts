/**
 * Decides which turn a message belongs to (T16). Claude has no turn ids, and it begins turns by itself when a background shell or agent has ended, or
 * was lost by a resume. Such a turn must not be taken for a user's turn, for its answer or for its end. Evidence (measured, decision 0093):
 *
 * - `user_message_uuids` on `init` and `result`, and `command_lifecycle` with `started` (2.1.332): the message by its uuid, before any content.
 * - the message as it was sent, with `isReplay` (both, by `--replay-user-messages`): in 2.1.197 only before the first whole message of the answer, or
 *   during a turn that Claude began by itself and that takes the message at a tool's end.
 * - `origin` on `result` (both): the turn was not requested by a person.
 * - `init` while no user message waits, or soon after a `task_notification`.
 *
 * A further message of a running turn (a steer) joins the turn at the next tool result (both versions, measured). If no tool result
 * comes, Claude ends its turn and begins another one for the message: our turn waits for that one, and ends with it.
 */
import type { NativeEvent } from "../NativeEvent.ts"
import * as Turn from "./Turn.ts"
import type { Result, Said } from "./Said.ts"

type Out = Array<NativeEvent>

/** The turn of a result. `undefined`: Claude began the turn by itself, and no event of it was mapped. */
export type Ended = { readonly turn: Turn.Turn } | undefined

export interface TurnOwnership {
  readonly expect: (turn: Turn.Turn) => void
  readonly refuse: (id: string) => void
  /** The turn waits again, for a message that Claude has not taken. */
  readonly hold: (turn: Turn.Turn, end: Turn.Ended) => void
  /** Claude does not answer this message. Ends the turn if it waited for this message only. */
  readonly withdrawn: (messageId: string, out: Out) => void
  /** The running turn. */
  readonly current: () => Turn.Turn | undefined
  /** A running or waiting turn. */
  readonly find: (id: string) => Turn.Turn | undefined
  /** Claude reports that it begins a turn. */
  readonly init: (said: Extract<Said, { readonly _tag: "Init" }>, out: Out) => void
  /** Claude takes the message: its turn runs. Returns `false` if the message does not belong to an open turn. */
  readonly taken: (messageId: string, out: Out) => boolean
  /** Claude has finished with the message without a known turn for it. */
  readonly dropped: (messageId: string, state: string, out: Out) => void
  /** Background work has ended: Claude may begin a turn by itself next. */
  readonly notified: () => void
  /** A turn has begun, and it is not yet known whether it answers a user message. */
  readonly unsure: () => boolean
  /** The turn to which content belongs: the running turn, otherwise the waiting one, otherwise a new turn that Claude began by itself. */
  readonly running: (out: Out) => Turn.Turn
  readonly ended: (result: Result, messageIds: ReadonlyArray<string>, out: Out) => Ended
}

/** Origins of turns that no user message requested. An unknown kind counts as absent, as Claude's own schema requires. */
const foreign: ReadonlySet<string> = new Set(["task-notification", "channel", "peer", "coordinator"])
/** Number of results after a notification during which a turn may be one that Claude began by itself. */
const alert = 2

/** Whether the turn of the result was not requested by a person. */
export const isForeign = ({ origin }: Result): boolean => foreign.has(origin?.kind ?? "")

const isEmpty = ({ num_turns: turns, result, subtype }: Result): boolean => turns === 0 && result === "" && subtype === "success"

export const make = (): TurnOwnership => {
  const waiting: Array<Turn.Turn> = []
  let current: Turn.Turn | undefined
  /** Who began the turn that has no content yet. `own`: Claude itself; `unsure`: possibly Claude; `undefined`: there is no such turn. */
  let begun: "own" | "unsure" | undefined
  let ownTurns = 0
  let notices = 0
  /** This version of Claude reports each message that it takes, before the answer. */
  let names = false

  const start = (turn: Turn.Turn, out: Out): Turn.Turn => {
    current = turn
    begun = undefined
    out.push({ _tag: "TurnStarted", nativeTurnId: turn.id })
    return turn
  }
  const startOwn = (out: Out): Turn.Turn => start(Turn.make(`own ${++ownTurns}`, true), out)
  const remove = (turn: Turn.Turn) => {
    const at = waiting.indexOf(turn)
    if (at >= 0) waiting.splice(at, 1)
  }
  const named = (ids: ReadonlyArray<string>) =>
    waiting.find(
      ({ messageId, steers }) => (messageId !== undefined && ids.includes(messageId)) || ids.some((id) => steers.has(id))
    )

  const taken = (messageId: string, out: Out): boolean => {
    if (current !== undefined && (current.messageId === messageId || current.steers.delete(messageId))) {
      current.confirmed = true
      return true
    }
    const turn = named([messageId])
    if (turn === undefined) return false
    turn.steers.delete(messageId)
    // Claude took the message during a turn, at a tool's end: what follows is the answer to the message.
    if (current !== undefined)
      out.push({
        _tag: "TurnEnded",
        nativeTurnId: current.id,
        outcome: "completed",
        reason: "Claude continued with the next message."
      })
    remove(turn)
    turn.confirmed = true
    start(turn, out)
    return true
  }

  const withdrawn = (messageId: string, out: Out) => {
    const turn = current?.steers.has(messageId) === true ? current : named([messageId])
    if (turn === undefined || turn.steers.delete(messageId) || turn.held === undefined) return
    const [next] = turn.steers
    turn.messageId = next
    if (next !== undefined) return void turn.steers.delete(next)
    remove(turn)
    out.push(turn.interrupting ? { ...turn.held, outcome: "interrupted", reason: "The turn was interrupted." } : turn.held)
  }

  return {
    expect: (turn) => void waiting.push(turn),
    hold: (turn, end) => {
      Turn.hold(turn, end)
      waiting.unshift(turn)
    },
    withdrawn,
    refuse: (id) => {
      const turn = waiting.find((one) => one.id === id)
      if (turn !== undefined) remove(turn)
    },
    current: () => current,
    find: (id) => (current?.id === id ? current : waiting.find((turn) => turn.id === id)),
    init: ({ messageIds, names: does }, out) => {
      names ||= does
      const ours = named(messageIds)
      if (ours?.messageId !== undefined) return void taken(ours.messageId, out)
      if (current !== undefined) return
      const [next] = waiting
      if (next === undefined) begun = "own"
      else if (next.messageId !== undefined && names) begun = "own"
      else if (next.messageId !== undefined && notices > 0) begun = "unsure"
      else {
        remove(next)
        start(next, out)
      }
    },
    taken,
    dropped: (messageId, state, out) => {
      const turn = named([messageId])
      if (turn === undefined || turn.messageId !== messageId || turn.held !== undefined) return withdrawn(messageId, out)
      remove(turn)
      out.push({ _tag: "TurnStarted", nativeTurnId: turn.id })
      const reason = `Claude ended the message as "${state}".`
      out.push(
        state === "completed"
          ? { _tag: "TurnEnded", nativeTurnId: turn.id, outcome: "completed" }
          : turn.interrupting
            ? { _tag: "TurnEnded", nativeTurnId: turn.id, outcome: "interrupted", reason }
            : { _tag: "TurnEnded", nativeTurnId: turn.id, outcome: "failed", reason, error: { kind: "refused", message: reason } }
      )
    },
    notified: () => void (notices = alert),
    unsure: () => current === undefined && begun === "unsure",
    running: (out) => {
      const [next] = waiting
      const ours = current ?? (begun !== undefined || (names && next?.messageId !== undefined) ? undefined : next)
      const turn = ours ?? startOwn(out)
      if (turn !== current) {
        remove(turn)
        start(turn, out)
      }
      turn.said = true
      return turn
    },
    ended: (result, messageIds, out) => {
      const strange = isForeign(result)
      notices = strange ? 0 : Math.max(0, notices - 1)
      const of = begun
      begun = undefined
      const ours = named(messageIds)
      if (ours?.messageId !== undefined) taken(ours.messageId, out)
      const turn = current
      current = undefined
      if (turn === undefined) {
        if (of === "own" || strange || isEmpty(result)) return undefined
        const next = waiting.shift()
        if (next !== undefined) start(next, out)
        current = undefined
        return next && { turn: next }
      }
      const confirmed = turn.confirmed || (turn.messageId !== undefined && messageIds.includes(turn.messageId))
      if (turn.own || confirmed || !(strange || (isEmpty(result) && !turn.said))) return { turn }
      // The turn was bound to a user message, but Claude had begun it by itself: the user's turn waits again.
      waiting.unshift(turn)
      return undefined
    }
  }
}
