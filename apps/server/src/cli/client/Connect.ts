/**
 * Connects a command to the service: to a running server if there is one (of `--url`, or of the data directory), otherwise to a host in this process.
 * Both have the same interface.
 */
import { defined } from "@millrace/contracts/Defined"
import { type Duration, Effect, Option, Schedule, type Scope, Stream } from "effect"
import { backoff } from "@millrace/client/Backoff"
import * as Client from "@millrace/client/Client"
import type * as Follow from "@millrace/client/Follow"
import * as HttpRequest from "@millrace/client/HttpRequest"
import type { HttpTransfer } from "@millrace/client/HttpTransfer"
import * as HttpTransport from "@millrace/client/HttpTransport"
import type { Transport } from "@millrace/client/Transport"
import { Disconnected, type TransportError } from "@millrace/client/TransportError"
import { ProviderUnavailable } from "@millrace/contracts/Import"
import type { TurnId } from "@millrace/contracts/Ids"
import type { Millrace } from "@millrace/contracts/Millrace"
import type { ProviderError } from "@millrace/contracts/ProviderAdapter"
import * as Discovery from "./Discovery.ts"
import { type CliFailure, failed, fromError } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import { Output } from "../Output.ts"

export interface Connected {
  readonly millrace: Millrace<TransportError>
  /** `embedded`: the work ends with this process. `server`: it continues in the server. */
  readonly via: "server" | "embedded"
  /** The server's URL, for messages to people. */
  readonly address: string | undefined
}

/** A connection that can also upload blobs to the same service. */
export interface Uploading extends Connected {
  readonly putBlob: HttpTransfer["putBlob"]
}

export interface Where {
  readonly dataDir: string
  readonly url: string | undefined
}

/** The token of the environment. `undefined`: there is none. */
const givenToken = Effect.map(Effect.orElseSucceed(Flags.token, Option.none), Flags.orUndefined)

/** Transport to a server at a fixed URL. */
const transportTo = (url: string, token: string | undefined): HttpTransport.HttpTransport =>
  HttpTransport.make({ url, ...defined({ token }) })

/** Transport to the server of a data directory. Each call finds the server again, because a restart may change its port and its token. */
const transportOfDirectory = (dataDir: string, first: Discovery.Found, token: string | undefined): Transport => {
  let known = first
  let fresh = true
  const current = Effect.suspend(() => {
    if (fresh) {
      fresh = false
      return Effect.succeed(transportTo(known.url, token ?? known.token))
    }
    return Effect.flatMap(Discovery.find(dataDir), (found) => {
      if (Option.isNone(found))
        return Effect.fail(
          new Disconnected({ message: `No server answers for ${dataDir}; start one with: millrace serve`, unsent: true })
        )
      known = found.value
      return Effect.succeed(transportTo(known.url, token ?? known.token))
    })
  })
  const using = <A, E>(run: (transport: Transport) => Effect.Effect<A, E>) => Effect.flatMap(current, run)
  return {
    get address() {
      return known.url
    },
    follow: (request) => Stream.unwrap(Effect.map(current, (transport) => transport.follow(request))),
    dispatch: (command) => using((transport) => transport.dispatch(command)),
    commandStatus: (id) => using((transport) => transport.commandStatus(id)),
    state: using((transport) => transport.state),
    threads: (page) => using((transport) => transport.threads(page)),
    thread: (id) => using((transport) => transport.thread(id)),
    turns: (id, page) => using((transport) => transport.turns(id, page)),
    items: (id, page) => using((transport) => transport.items(id, page)),
    search: (request) => using((transport) => transport.search(request)),
    requests: using((transport) => transport.requests),
    providers: using((transport) => transport.providers)
  }
}

/** Reports on standard error when the connection is lost and when it is restored. */
const statusPrinter = Effect.map(Output, (output): Follow.Options["onStatus"] => {
  let lost = false
  return (status) => {
    if (status._tag === "attached") {
      if (!lost) return Effect.void
      lost = false
      return output.note(output.style.dim("Reconnected."))
    }
    if (lost) return Effect.void
    lost = true
    return output.note(output.style.dim(`${status.cause.message}. Retrying until the server answers; press Ctrl-C to stop.`))
  }
})

/** A client of a server. Retries a command for about 3 seconds: long enough for a restart of the server, short enough for a person who waits. */
const clientOf = (transport: Transport, putBlob: HttpTransfer["putBlob"]): Effect.Effect<Uploading, never, Output> =>
  Effect.map(statusPrinter, (onStatus) => ({
    millrace: Client.make(transport, { follow: onStatus === undefined ? {} : { onStatus }, outbox: { tries: 5 } }),
    putBlob,
    via: "server",
    address: transport.address
  }))

/** Connects to a running server. If no server runs, fails with a message that explains how to start it. */
export const server = ({ dataDir, url }: Where): Effect.Effect<Uploading, CliFailure, Output> =>
  Effect.gen(function* () {
    const token = yield* givenToken
    if (url !== undefined) {
      const transport = transportTo(url, token)
      return yield* clientOf(transport, transport.putBlob)
    }
    const found = yield* Discovery.find(dataDir)
    if (Option.isNone(found)) return yield* noServer(dataDir)
    const { putBlob } = transportTo(found.value.url, token ?? found.value.token)
    return yield* clientOf(transportOfDirectory(dataDir, found.value, token), putBlob)
  })

/** The URL and the token of the running server. `None` if no server runs. */
const addressOf = ({ dataDir, url }: Where) =>
  Effect.gen(function* () {
    const token = yield* givenToken
    if (url !== undefined) return Option.some({ url, ...defined({ token }) })
    return Option.map(yield* Discovery.find(dataDir), (found) => ({
      url: found.url,
      ...defined({ token: token ?? found.token })
    }))
  })

/** A transport to the server of the URL or of the data directory. `None` if no server runs. */
export const located = (where: Where) => Effect.map(addressOf(where), Option.map(HttpTransport.make))

/** The URL and the token of the running server. If no server runs, fails with a message that explains how to start it. */
export const address = (where: Where) =>
  Effect.flatMap(
    addressOf(where),
    Option.match({ onNone: () => noServer(where.dataDir), onSome: (found) => Effect.succeed(found) })
  )

/** Requests to the running server, for routes that the client has no method for. */
export const requests = (where: Where, deadline: Duration.DurationInput) =>
  Effect.map(address(where), (found) => HttpRequest.make({ ...found, deadline }))

/** Number of reads of a turn while the server cannot be reached: about a minute. */
const turnTries = 10

/** One turn by its id alone, from a running server. Reads again while the server cannot be reached, for example during a restart. */
export const turn = (where: Where, turnId: TurnId) =>
  Effect.gen(function* () {
    const transport = yield* located(where)
    if (Option.isNone(transport)) return yield* noServer(where.dataDir)
    return yield* transport.value.turn(turnId).pipe(
      Effect.retry({
        schedule: Schedule.intersect(backoff, Schedule.recurs(turnTries)),
        while: (error) => error._tag === "Disconnected" || error._tag === "StorageUnavailable"
      }),
      Effect.mapError(fromError)
    )
  })

/** The disk usage of a server's log. */
export const logUsage = (url: string) =>
  Effect.gen(function* () {
    const token = yield* givenToken
    return yield* Effect.mapError(transportTo(url, token).logUsage, fromError)
  })

const noServer = (dataDir: string) =>
  failed(`No server is running for ${dataDir}. Start one with: millrace serve${defaultData(dataDir)}`)
const defaultData = (dataDir: string) => (process.env["MILLRACE_DATA"] === undefined ? ` --data ${dataDir}` : "")

/** Export and import through the running server, or through a host in this process that lives as long as the scope. */
export const transfer = (where: Where): Effect.Effect<HttpTransfer, CliFailure, Output | Scope.Scope> =>
  Effect.gen(function* () {
    const found = yield* located(where)
    if (Option.isSome(found)) return found.value
    const { embed } = yield* Effect.promise(() => import("./Embedded.ts"))
    const host = yield* embed(where.dataDir)
    const unavailable = (provider: string) => ({
      ProviderError: ({ failure }: ProviderError) => new ProviderUnavailable({ provider, message: failure.message })
    })
    return {
      exportThread: (threadId, format) => Stream.encodeText(Stream.unwrap(host.exportThread(threadId, format))),
      putBlob: host.putBlob,
      getBlob: (hash) => Stream.unwrap(Effect.map(host.getBlob(hash), ({ content }) => content)),
      importThread: (source, options) => host.importThread({ source, ...options }),
      nativeThreads: (provider, options) => Effect.catchTags(host.nativeThreads(provider, options), unavailable(provider)),
      importNative: (options) => Effect.catchTags(host.importNative(options), unavailable(options.provider))
    }
  })

/** A running server, or a host in this process that lives as long as the scope. */
export const serverOrEmbedded = (where: Where): Effect.Effect<Uploading, CliFailure, Output | Scope.Scope> =>
  Effect.gen(function* () {
    if (where.url !== undefined || Option.isSome(yield* Discovery.find(where.dataDir))) return yield* server(where)
    const { embed } = yield* Effect.promise(() => import("./Embedded.ts"))
    const millrace = yield* embed(where.dataDir)
    return { millrace, putBlob: millrace.putBlob, via: "embedded", address: undefined }
  })
