/**
 * Whose turn it is (T16). Claude has no turn ids, and it begins turns by itself: a background shell or agent has ended, or was lost by a resume. Such a
 * turn must not take a message of ours, its answer or its end. What says whose a turn is (measured, decision 0093):
 *
 * - `user_message_uuids` on `init` and `result`, and `command_lifecycle` with `started` (2.1.332): the message by its uuid, before any content.
 * - the message as it was sent, with `isReplay` (both, by `--replay-user-messages`): in 2.1.197 only before the first whole message of the answer, or
 *   in the middle of a turn of Claude's own that takes the message at a tool's end.
 * - `origin` on `result` (both): the turn was not asked for by a person.
 * - `init` while no message of ours waits, or soon after a `task_notification`.
 */
import type { NativeEvent } from "../NativeEvent.ts"
import * as Turn from "./Turn.ts"
import type { Result, Said } from "./Wire.ts"

type Out = Array<NativeEvent>

/** Who a result belongs to. `undefined`: to a turn of Claude's own of which nothing was mapped. */
export type Ended = { readonly turn: Turn.Turn } | undefined

export interface Whose {
  readonly expect: (turn: Turn.Turn) => void
  readonly refuse: (id: string) => void
  /** The turn that runs. */
  readonly current: () => Turn.Turn | undefined
  /** One that runs or waits. */
  readonly find: (id: string) => Turn.Turn | undefined
  /** Claude says that it begins a turn. */
  readonly init: (said: Extract<Said, { readonly _tag: "Init" }>, out: Out) => void
  /** Claude takes the message: from here on its turn runs. `false`: no message of ours that is open. */
  readonly taken: (messageId: string, out: Out) => boolean
  /** Claude is done with the message, and no turn ran for it that we know of. */
  readonly dropped: (messageId: string, state: string, out: Out) => void
  /** Background work has ended: a turn of Claude's own may begin next. */
  readonly notified: () => void
  /** A turn has begun and nothing says yet whose it is. */
  readonly unsure: () => boolean
  /** The turn that content belongs to: the one that runs, else the one that waits, else one of Claude's own. */
  readonly running: (out: Out) => Turn.Turn
  readonly ended: (result: Result, messageIds: ReadonlyArray<string>, out: Out) => Ended
}

/** Origins of turns that no message of ours asked for. An unknown kind counts as absent, as Claude's own schema asks. */
const foreign: ReadonlySet<string> = new Set(["task-notification", "channel", "peer", "coordinator"])
/** Results after a notification until which a turn of Claude's own is looked for. */
const alert = 2

/** A turn that no person asked for. */
export const isForeign = ({ origin }: Result): boolean => foreign.has(origin?.kind ?? "")

const isEmpty = ({ num_turns: turns, result, subtype }: Result): boolean => turns === 0 && result === "" && subtype === "success"

export const make = (): Whose => {
  const waiting: Array<Turn.Turn> = []
  let current: Turn.Turn | undefined
  /** Of the turn that has begun without content: `own`: it is Claude's own; `unsure`: it may be. */
  let begun: "own" | "unsure" | undefined
  let own = 0
  let notices = 0
  /** This version names each message that it takes, before it answers it. */
  let names = false

  const start = (turn: Turn.Turn, out: Out): Turn.Turn => {
    current = turn
    begun = undefined
    out.push({ _tag: "TurnStarted", nativeTurnId: turn.id })
    return turn
  }
  const startOwn = (out: Out): Turn.Turn => start(Turn.make(`own ${++own}`, true), out)
  const remove = (turn: Turn.Turn) => {
    const at = waiting.indexOf(turn)
    if (at >= 0) waiting.splice(at, 1)
  }
  const named = (ids: ReadonlyArray<string>) =>
    waiting.find(({ messageId }) => messageId !== undefined && ids.includes(messageId))

  const taken = (messageId: string, out: Out): boolean => {
    if (current?.messageId === messageId) {
      current.confirmed = true
      return true
    }
    const turn = named([messageId])
    if (turn === undefined) return false
    // Claude takes a message in the middle of a turn, at a tool's end: what follows is the answer to it.
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

  return {
    expect: (turn) => void waiting.push(turn),
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
      if (turn === undefined) return
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
      // It was begun as ours and was Claude's own: ours is still to come.
      waiting.unshift(turn)
      return undefined
    }
  }
}
