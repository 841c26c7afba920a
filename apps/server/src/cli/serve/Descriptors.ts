/** File descriptors inherited from a parent process. */
import { fstatSync, writeSync } from "node:fs"
import { Socket } from "node:net"
import { Deferred, Effect, Exit, type Scope } from "effect"
import { messageOf } from "../../NodeError.ts"
import { type CliFailure, failed, usage } from "../Failure.ts"

const checked = (flag: string, fd: number): Effect.Effect<void, CliFailure> =>
  Effect.try({
    try: () => void fstatSync(fd),
    catch: () =>
      usage(
        `--${flag}: descriptor ${fd} is not open. The parent process must open it, for example: millrace serve --${flag} 3 3>ready`
      )
  })

/** Returns a function that writes one line to the descriptor. Checks the descriptor now, so that a wrong one fails before the server starts. */
export const lineTo = (flag: string, fd: number): Effect.Effect<(line: string) => Effect.Effect<void, CliFailure>, CliFailure> =>
  Effect.as(checked(flag, fd), (line) =>
    Effect.try({
      try: () => void writeSync(fd, `${line}\n`),
      catch: (cause) => failed(`--${flag}: cannot write to descriptor ${fd}: ${messageOf(cause)}`)
    })
  )

/**
 * `ended` returns when the descriptor, a pipe or a socket, reaches end of file: no process holds the other end any more. Watching starts now, so that
 * an end before the first wait is not missed.
 */
export const endOf = (
  flag: string,
  fd: number
): Effect.Effect<{ readonly ended: Effect.Effect<void> }, CliFailure, Scope.Scope> =>
  Effect.gen(function* () {
    yield* checked(flag, fd)
    const ended = yield* Deferred.make<void>()
    const end = () => Deferred.unsafeDone(ended, Exit.void)
    yield* Effect.acquireRelease(
      Effect.try({
        try: () =>
          new Socket({ fd, readable: true, writable: false }).once("end", end).once("close", end).once("error", end).resume(),
        catch: () => usage(`--${flag}: descriptor ${fd} is not a pipe or a socket`)
      }),
      (socket) => Effect.sync(() => socket.destroy())
    )
    return { ended: Deferred.await(ended) }
  })
