/** Keeps one value for each directory, and reads it again when it is old. Callers that need it at the same time share one read. */
import { BoundedMap } from "@millrace/contracts/BoundedMap"
import { Clock, Deferred, Duration, Effect, Exit, type Scope } from "effect"

export interface Options<A> {
  /** Maximum directories. */
  readonly most: number
  /** `sizeOf`: the size of a value. `maxSize`: the maximum of all values together. The least recently used values are removed first. The newest value stays. */
  readonly sizeOf?: (value: A) => number
  readonly maxSize?: number
  /** Maximum age of a value. An older value is read again: `serve` returns the old value and reads in the background, `wait` returns the new value. */
  readonly fresh: Duration.DurationInput
  readonly old: "serve" | "wait"
}

/**
 * The value of a directory. `changedAt`: when the directory last changed, in milliseconds since 1970. A value whose reading began earlier is read again first.
 */
export type Kept<A, E> = (root: string, changedAt?: number) => Effect.Effect<A, E>

interface Entry<A> {
  readonly value: A
  /** When the reading of the value began. */
  readonly at: number
}

export const make = <A, E>(
  read: (root: string) => Effect.Effect<A, E>,
  { fresh, maxSize = Number.MAX_SAFE_INTEGER, most, old, sizeOf = () => 0 }: Options<A>
): Effect.Effect<Kept<A, E>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const freshMillis = Duration.toMillis(fresh)
    const entries = new BoundedMap<string, Entry<A>>(most)
    const reading = new Map<string, Deferred.Deferred<A, E>>()

    const keep = (root: string, entry: Entry<A>) => {
      entries.renew(root, entry)
      let total = 0
      for (const { value } of entries.values()) total += sizeOf(value)
      for (const [oldest, { value }] of entries) {
        if (total <= maxSize || oldest === root) break
        entries.delete(oldest)
        total -= sizeOf(value)
      }
    }

    /** In a fiber of the scope: a caller that leaves does not end the reading for the others. */
    const refresh = (root: string): Effect.Effect<Deferred.Deferred<A, E>> =>
      Effect.suspend(() => {
        const running = reading.get(root)
        if (running !== undefined) return Effect.succeed(running)
        return Effect.gen(function* () {
          const done = yield* Deferred.make<A, E>()
          reading.set(root, done)
          const at = yield* Clock.currentTimeMillis
          const settle = (exit: Exit.Exit<A, E>) =>
            Effect.suspend(() => {
              reading.delete(root)
              if (Exit.isSuccess(exit)) keep(root, { value: exit.value, at })
              return Deferred.done(done, exit)
            })
          yield* Effect.forkIn(Effect.onExit(Effect.interruptible(read(root)), settle), scope)
          return done
        })
      }).pipe(Effect.uninterruptible)

    return (root, changedAt) =>
      Effect.gen(function* () {
        const kept = entries.get(root)
        if (kept === undefined || (changedAt !== undefined && changedAt >= kept.at))
          return yield* Deferred.await(yield* refresh(root))
        entries.renew(root, kept)
        if ((yield* Clock.currentTimeMillis) - kept.at <= freshMillis) return kept.value
        const renewed = yield* refresh(root)
        return old === "wait" ? yield* Deferred.await(renewed) : kept.value
      })
  })
