/**
 * The resumable client. It has the interface of the host, over any transport. The command line, the web page and tests use it.
 * `follow` survives disconnects and restarts (Follow.ts). `dispatch` survives lost answers (Outbox.ts). Queries are retried `queryTries` times.
 */
import { Effect, Schedule } from "effect"
import * as Command from "@millrace/contracts/Command"
import type { CommandId } from "@millrace/contracts/Ids"
import type { Millrace } from "@millrace/contracts/Millrace"
import { backoff } from "./Backoff.ts"
import * as CommandIds from "./CommandIds.ts"
import * as Follow from "./Follow.ts"
import * as Outbox from "./Outbox.ts"
import type { Transport } from "./Transport.ts"
import type { TransportError } from "./TransportError.ts"

export interface Client extends Millrace<TransportError> {
  readonly address: string
}

export interface Options {
  readonly follow?: Follow.Options
  readonly outbox?: Outbox.Options
  /** Number of tries of a query before it fails. Default 3. */
  readonly queryTries?: number
}

/** Builds a command with a new id. The same command may be sent as often as needed. */
export const command = <T extends Command.CommandType>(
  type: T,
  body: Command.BodyOf<T>,
  id: Effect.Effect<CommandId> = CommandIds.random
): Effect.Effect<Command.CommandOf<T>> => Effect.map(id, (commandId) => Command.make(commandId, type, body))

export const make = (transport: Transport, options: Options = {}): Client => {
  const outbox = Outbox.make(transport, options.outbox)
  const retries = Schedule.intersect(backoff, Schedule.recurs((options.queryTries ?? 3) - 1))
  const query = <A, E extends { readonly _tag: string }>(effect: Effect.Effect<A, E>) =>
    Effect.retry(effect, { schedule: retries, while: (error) => error._tag === "Disconnected" })
  return {
    address: transport.address,
    dispatch: outbox.send,
    follow: (request) => Follow.follow(transport, request, options.follow),
    commandStatus: (id) => query(transport.commandStatus(id)),
    state: query(transport.state),
    threads: (page) => query(transport.threads(page)),
    thread: (id) => query(transport.thread(id)),
    turns: (id, page) => query(transport.turns(id, page)),
    items: (id, page) => query(transport.items(id, page)),
    search: (request) => query(transport.search(request)),
    requests: query(transport.requests),
    providers: query(transport.providers)
  }
}
