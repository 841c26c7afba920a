/** The turns that a crash of the server interrupted, and how each must continue by the policy of its thread (T5). It shares no code with decide and evolve. */
import { maxRestarts } from "./rules/Continuation.ts"
import type { Thread } from "./Thread.ts"

interface Interrupted {
  readonly thread: Thread
  /** The required outcome: a value of the thread's `recovery`. */
  readonly due: string
}

/** How the work of a turn continues after recovery, in the words of `recovery`. */
const outcomeOf = (thread: Thread, turn: string): string => {
  if (thread.continued.has(turn)) return "resume"
  return thread.planned.has(turn) ? "ask" : "settle"
}

export class InterruptedWork {
  private readonly turns = new Map<string, Interrupted>()

  /** Call when the server has crashed, before recovery, for each thread. */
  add(thread: Thread): void {
    const turn = thread.active
    if (turn === undefined || !thread.open.has(turn)) return
    const mayContinue = !thread.endRequested.has(turn) && !thread.stopping && !thread.archived && thread.plan === undefined
    const attemptsExhausted = thread.recovery === "settle" || (thread.restartsAndWaits.get(turn) ?? 0) >= maxRestarts
    this.turns.set(turn, { thread, due: mayContinue && !attemptsExhausted ? thread.recovery : "settle" })
  }

  /** Compares each outcome with the required one, once. Call after recovery. Returns the violations. */
  check(): ReadonlyArray<string> {
    const wrong: Array<string> = []
    for (const [turn, { due, thread }] of this.turns) {
      if (thread.deleted) continue
      const outcome = outcomeOf(thread, turn)
      const mayBeExhausted = (thread.restartsAndWaits.get(turn) ?? 0) > 0
      if (due !== outcome && !(mayBeExhausted && due === "settle") && !(due === "ask" && outcome === "resume"))
        wrong.push(`T5 the outcome of ${turn} after the crash is ${outcome}; expected ${due}`)
      if (!thread.ended.has(turn)) wrong.push(`T5 ${turn} outlives its server`)
    }
    this.turns.clear()
    return wrong
  }
}
