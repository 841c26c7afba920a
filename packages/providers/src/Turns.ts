/** The native turns that a session has asked for or seen begin, each with its beginning and its end, for those who wait for them. */
import type { ProviderError } from "@millrace/contracts/ProviderAdapter"
import { Deferred, Effect, FiberId } from "effect"
import type { NativeEvent } from "./NativeEvent.ts"

export interface Turns {
  /** Before it is asked for. */
  readonly ask: (nativeTurnId: string) => void
  /** It was not asked for after all. */
  readonly refuse: (nativeTurnId: string) => void
  /** What the agent said, in order. */
  readonly note: (events: ReadonlyArray<NativeEvent>) => void
  /** Waits until it has begun or is over; at once for one that is not known. */
  readonly begun: (nativeTurnId: string) => Effect.Effect<void>
  /** Waits until it is over; at once for one that is not known. */
  readonly ended: (nativeTurnId: string) => Effect.Effect<void>
  /** Asked for or begun, and not over. */
  readonly running: () => ReadonlyArray<string>
  /**
   * Before a process is stopped, which does not make an agent end its turn in words: asks each running turn to end, one after the other, and
   * waits for its end, for so long at most. What cannot be asked is left to the stop.
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
