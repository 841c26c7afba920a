/**
 * Lookups of paths, each within a deadline. On a mount whose server does not answer, a system call hangs and holds one of the few threads that do all file
 * operations of the process: at most two lookups run at a time, and one that hangs keeps its place.
 */
import * as Permits from "@millrace/contracts/Permits"
import { Data, Duration, Effect, Fiber } from "effect"

/** The file system did not answer in time, or lookups before this one hang. */
export class LookupTimedOut extends Data.TaggedError("LookupTimedOut")<{ readonly message: string }> {}

const maxRunning = 2
const deadline = Duration.seconds(5)

export type FileLookups = <A>(lookUp: () => Promise<A>) => Effect.Effect<A, LookupTimedOut>

/** The lookup continues after its deadline: nothing can end it. A lookup that has not begun by then never runs. */
export const make = (): FileLookups => {
  const permits = Permits.make(maxRunning)
  return (lookUp) =>
    Effect.gen(function* () {
      let wanted = true
      const running = yield* Effect.forkDaemon(
        permits(Effect.suspend(() => (wanted ? Effect.uninterruptible(Effect.promise(lookUp)) : Effect.interrupt)))
      )
      return yield* Fiber.join(running).pipe(
        Effect.timeoutFail({
          duration: deadline,
          onTimeout: () =>
            new LookupTimedOut({
              message: `the file system did not answer within ${Duration.format(deadline)}; check its mounts`
            })
        }),
        Effect.ensuring(
          Effect.suspend(() => {
            wanted = false
            return Fiber.interruptFork(running)
          })
        )
      )
    })
}

/** The lookups of this process, which share its threads. */
export const lookUp: FileLookups = make()
