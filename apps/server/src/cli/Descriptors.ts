/** Descriptors that a parent process gave us: an edge over `node:fs` and `node:net`. */
import { fstatSync, writeSync } from "node:fs"
import { Socket } from "node:net"
import { Deferred, Effect, Exit, type Scope } from "effect"
import { words } from "../Thrown.ts"
import { type CliFailure, failed, usage } from "./Failure.ts"

const checked = (flag: string, fd: number): Effect.Effect<void, CliFailure> =>
  Effect.try({
    try: () => void fstatSync(fd),
    catch: () => usage(`--${flag}: descriptor ${fd} is not open. A parent opens it, like: millrace serve --${flag} 3 3>ready`)
  })

/** One line, when there is something to say. The descriptor is checked at once, so that a wrong one fails before the start. */
export const lineTo = (flag: string, fd: number): Effect.Effect<(line: string) => Effect.Effect<void, CliFailure>, CliFailure> =>
  Effect.as(checked(flag, fd), (line) =>
    Effect.try({
      try: () => void writeSync(fd, `${line}\n`),
      catch: (cause) => failed(`--${flag}: cannot write to descriptor ${fd}: ${words(cause)}`)
    })
  )

/**
 * `gone` returns when the descriptor, a pipe or a socket, reaches its end: whoever held the other end is gone. It is watched from now on: an end that
 * comes before anybody waits for it is not missed.
 */
export const endOf = (flag: string, fd: number): Effect.Effect<{ readonly gone: Effect.Effect<void> }, CliFailure, Scope.Scope> =>
  Effect.gen(function* () {
    yield* checked(flag, fd)
    const gone = yield* Deferred.make<void>()
    const over = () => Deferred.unsafeDone(gone, Exit.void)
    yield* Effect.acquireRelease(
      Effect.try({
        try: () =>
          new Socket({ fd, readable: true, writable: false }).once("end", over).once("close", over).once("error", over).resume(),
        catch: () => usage(`--${flag}: descriptor ${fd} is not a pipe or a socket`)
      }),
      (socket) => Effect.sync(() => socket.destroy())
    )
    return { gone: Deferred.await(gone) }
  })
