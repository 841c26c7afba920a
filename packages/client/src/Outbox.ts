/**
 * Sends commands with retries. A command keeps its id, so the client sends the same command again after a lost answer (C2), and the server executes it
 * at most once. Commands of one thread are sent in the order of the calls (T12). The number of commands and the number of tries of each are
 * bounded.
 */
import { Duration, Effect, Schedule } from "effect"
import { Overloaded, type CommandError } from "@millrace/contracts/Errors"
import type { Accepted, Command } from "@millrace/contracts/Command"
import { backoff } from "./Backoff.ts"
import * as Lanes from "./Lanes.ts"
import type { Transport } from "./Transport.ts"
import { Disconnected, type TransportError } from "./TransportError.ts"

export interface Options {
  /** The most commands that wait or are being sent. A further command fails with `Overloaded`. Default 256. */
  readonly capacity?: number
  /** The number of times that one command is sent before `send` fails with the last failure. Default 8. */
  readonly tries?: number
  /** The wait between tries, in addition to the time that the server names. Default `Backoff`. */
  readonly schedule?: Schedule.Schedule<unknown>
  /** Called before each wait. */
  readonly onRetry?: (command: Command, cause: CommandError | TransportError) => Effect.Effect<void>
}

export interface Outbox {
  /**
   * Succeeds when the command is committed. If the message of a `Disconnected` says that the outcome is unknown, ask with `commandStatus` or send the
   * same command again. Every other failure means that the command changed nothing.
   */
  readonly send: (command: Command) => Effect.Effect<Accepted, CommandError | TransportError>
}

/** The key of the command's lane. Only commands of one thread or of one request are ordered. */
const laneOf = (command: { readonly threadId?: string; readonly requestId?: string; readonly commandId: string }): string =>
  command.threadId ?? command.requestId ?? command.commandId

/** The least time to wait before the next try, in milliseconds. `undefined`: do not retry. */
const again = (error: CommandError | TransportError): number | undefined => {
  switch (error._tag) {
    case "Overloaded":
    case "ShuttingDown":
    case "StorageUnavailable":
      return error.retryAfterMillis
    case "Disconnected":
      return error.retryAfterMillis ?? 0
    default:
      return undefined
  }
}

export const make = (transport: Pick<Transport, "dispatch">, options: Options = {}): Outbox => {
  const capacity = options.capacity ?? 256
  const tries = options.tries ?? 8
  const lanes = Lanes.make()
  const report = options.onRetry ?? (() => Effect.void)

  const send = (command: Command) =>
    Effect.gen(function* () {
      const waiting = yield* Schedule.driver(options.schedule ?? backoff)
      let unknown = false
      const attempt = (number: number): Effect.Effect<Accepted, CommandError | TransportError> =>
        Effect.catchAll(transport.dispatch(command), (error) => {
          const least = again(error)
          if (least === undefined) return Effect.fail(error)
          unknown ||= error._tag === "Disconnected" && error.unsent !== true
          const last = Effect.fail(
            error._tag === "Disconnected" && unknown
              ? new Disconnected({
                  message: `${error.message} It is unknown whether command ${command.commandId} was accepted. Send it again with the same id.`
                })
              : error
          )
          if (number >= tries) return last
          return report(command, error).pipe(
            Effect.zipRight(Effect.sleep(Duration.millis(least))),
            Effect.zipRight(waiting.next(undefined)),
            Effect.matchEffect({ onFailure: () => last, onSuccess: () => attempt(number + 1) })
          )
        })
      return yield* attempt(1)
    })

  return {
    send: (command) =>
      Effect.suspend(() =>
        lanes.size() >= capacity
          ? Effect.fail(
              new Overloaded({
                message: `This client has ${capacity} commands waiting. Send the command again later.`,
                retryAfterMillis: 1_000
              })
            )
          : lanes.inOrder(laneOf(command))(send(command))
      )
  }
}
