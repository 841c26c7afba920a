/**
 * Calls of the file system that cannot take the threads of the process: a call cannot be cancelled, and on a mount that hangs it holds one of a few
 * threads until it returns. So at most two calls run at once, one in each directory, and a directory whose call did not return in time is refused.
 */
import { Duration, Effect, Schema } from "effect"

/** `absent`: there is no such directory. `late`: its file system did not answer in time. `failed`: the call, or git, failed. */
export class FilesUnavailable extends Schema.TaggedError<FilesUnavailable>()("FilesUnavailable", {
  reason: Schema.Literal("absent", "late", "failed"),
  message: Schema.String
}) {}

export interface FileCalls {
  /** `root`: the directory of the call. A rejection is `failed`. A call that has not begun when its caller leaves never runs. */
  readonly run: <A>(root: string, call: () => Promise<A>) => Effect.Effect<A, FilesUnavailable>
}

const concurrent = 2
/** Maximum calls of one directory that run or wait. */
const maxWaiting = 64

const late = (message: string) => new FilesUnavailable({ reason: "late", message })

export const make = (within: Duration.DurationInput = "5 seconds"): FileCalls => {
  const places = Effect.unsafeMakeSemaphore(concurrent)
  const directories = new Map<string, { readonly lock: Effect.Semaphore; users: number; isLate: boolean }>()
  return {
    run: (root, call) =>
      Effect.gen(function* () {
        const directory = directories.get(root) ?? { lock: Effect.unsafeMakeSemaphore(1), users: 0, isLate: false }
        if (directory.isLate)
          return yield* late("The directory does not answer: an earlier call has not returned. Check its file system.")
        if (directory.users >= maxWaiting) return yield* late("Too many reads of this directory wait. Try again.")
        directories.set(root, directory)
        directory.users += 1
        let [begun, wanted] = [false, true]
        const guarded = Effect.suspend(() => {
          if (!wanted) return late("Its caller has left.")
          begun = true
          return Effect.tryPromise({
            try: call,
            catch: (cause) => new FilesUnavailable({ reason: "failed", message: `The file system failed: ${String(cause)}` })
          })
        })
        // A daemon: the places stay taken until the call has returned, also when its caller has given up. Nothing can end the call.
        const running = yield* guarded.pipe(
          places.withPermits(1),
          directory.lock.withPermits(1),
          Effect.ensuring(
            Effect.sync(() => {
              directory.isLate = false
              directory.users -= 1
              if (directory.users === 0) directories.delete(root)
            })
          ),
          Effect.forkDaemon
        )
        return yield* running.await.pipe(
          Effect.flatten,
          Effect.timeoutFail({
            duration: within,
            onTimeout: () => {
              directory.isLate ||= begun
              return late(`The file system did not answer within ${Duration.format(within)}; check its mounts.`)
            }
          }),
          Effect.ensuring(Effect.sync(() => (wanted = false)))
        )
      })
  }
}

/** The calls of this process, which share its threads. */
export const ofProcess: FileCalls = make()
