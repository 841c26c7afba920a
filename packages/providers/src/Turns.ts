/** The native turns that a session has requested or seen begin. Callers can wait for the beginning and the end of each. */
import type { ProviderError } from "@millrace/contracts/ProviderAdapter"
import { Deferred, Effect, FiberId } from "effect"
import type { NativeEvent } from "./NativeEvent.ts"

export interface Turns {
  /** Call before the turn is sent to the agent. */
  readonly ask: (nativeTurnId: string) => void
  /** Call when the turn was refused or not sent. Wakes the callers that wait for its beginning or end. */
  readonly refuse: (nativeTurnId: string) => void
  /** Records the agent's events, in order. */
  readonly note: (events: ReadonlyArray<NativeEvent>) => void
  /** Waits until the turn has begun or ended; returns at once for an unknown turn. */
  readonly begun: (nativeTurnId: string) => Effect.Effect<void>
  /** Waits until the turn has ended; returns at once for an unknown turn. */
  readonly ended: (nativeTurnId: string) => Effect.Effect<void>
  /** Turns that were requested or have begun, and have not ended. */
  readonly running: () => ReadonlyArray<string>
  /**
   * Call before a process is stopped, because an agent that is stopped does not report the end of its turn. Runs `ask` for each running turn in
   * sequence and waits for its end, for at most `millis`. An `ask` that fails is logged and skipped.
   */
  readonly settle: (ask: (nativeTurnId: string) => Effect.Effect<unknown, ProviderError>, millis: number) => Effect.Effect<void>
}

interface Turn {
  readonly begun: Deferred.Deferred<void>
  readonly ended: Deferred.Deferred<void>
}

export const make = (): Turns => {
  const turns = new Map<string, Turn>()
  const add = (id: string): Turn => {
    const turn = turns.get(id) ?? {
      begun: Deferred.unsafeMake<void>(FiberId.none),
      ended: Deferred.unsafeMake<void>(FiberId.none)
    }
    turns.set(id, turn)
    return turn
  }
  const end = (id: string) => {
    const turn = turns.get(id)
    turns.delete(id)
    if (turn === undefined) return
    Deferred.unsafeDone(turn.begun, Effect.void)
    Deferred.unsafeDone(turn.ended, Effect.void)
  }
  const wait = (of: keyof Turn) => (id: string) =>
    Effect.suspend(() => {
      const turn = turns.get(id)
      return turn === undefined ? Effect.void : Deferred.await(turn[of])
    })
  const ended = wait("ended")
  const running = () => [...turns.keys()]
  return {
    ask: add,
    refuse: end,
    note: (events) => {
      for (const event of events)
        if (event._tag === "TurnStarted") Deferred.unsafeDone(add(event.nativeTurnId).begun, Effect.void)
        else if (event._tag === "TurnEnded") end(event.nativeTurnId)
    },
    begun: wait("begun"),
    ended,
    running,
    settle: (ask, millis) =>
      Effect.suspend(() =>
        Effect.forEach(
          running(),
          (native) =>
            ask(native).pipe(
              Effect.zipRight(Effect.timeoutOption(ended(native), millis)),
              Effect.catchAll((error) => Effect.logDebug(error.message))
            ),
          { discard: true }
        )
      )
  }
}
