/** The service's interface in each form: in process, as promises, over HTTP, over RPC, and as the client that resumes. */
import * as Client from "@millrace/client/Client"
import * as HttpTransport from "@millrace/client/HttpTransport"
import * as NodeWebSocket from "@millrace/client/NodeWebSocket"
import * as RpcTransport from "@millrace/client/RpcTransport"
import type { TransportError } from "@millrace/client/TransportError"
import type { Millrace } from "@millrace/contracts/Millrace"
import { createHost, type PromiseHost } from "@millrace/host/createHost"
import { command } from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Context, Effect, Layer, type Scope, Stream } from "effect"
import * as Hosted from "../support/Hosted.ts"

export class Subject extends Context.Tag("@millrace/server/test/Subject")<
  Subject,
  {
    readonly millrace: Millrace<TransportError>
    readonly dataDir: string
    /** Closes admission; reads still work. */
    readonly beginShutdown: Effect.Effect<unknown>
  }
>() {}

export { command }

/** An agent that asks a person or echoes the prompt, as the prompt demands. */
const agent = ScriptedProvider.make({
  turn: (turn) =>
    Effect.all(
      [
        turn.start,
        turn.text === "ask" ? turn.ask({ kind: "approval", title: "May I?", choices: ["accept", "decline"] }) : Effect.void,
        turn.say("you said: ", turn.text),
        turn.complete
      ],
      { discard: true }
    )
})

const overServer = (millrace: (hosted: Hosted.Hosted) => Effect.Effect<Millrace<TransportError>, never, Scope.Scope>) =>
  Layer.scoped(
    Subject,
    Effect.gen(function* () {
      const hosted = yield* Hosted.start(undefined, [agent.adapter])
      const beginShutdown = hosted.host.beginShutdown({ deadline: "30 seconds", mode: "drain" })
      return { millrace: yield* millrace(hosted), dataDir: hosted.dataDir, beginShutdown }
    })
  )

const overRpc = ({ token, url }: Hosted.Hosted) =>
  RpcTransport.make({ url: `${url.replace("http", "ws")}/rpc`, webSocket: NodeWebSocket.open(token) })

/** Rejections of a promise are the errors of the interface. */
const ask = <A, E>(promise: () => Promise<A>): Effect.Effect<A, E> =>
  Effect.tryPromise({ try: promise, catch: (error) => error as E })

const ofPromises = (host: PromiseHost): Millrace => ({
  dispatch: (...args) => ask(() => host.dispatch(...args)),
  commandStatus: (id) => ask(() => host.commandStatus(id)),
  state: ask(() => host.state()),
  threads: (page) => ask(() => host.threads(page)),
  thread: (id) => ask(() => host.thread(id)),
  turns: (id, page) => ask(() => host.turns(id, page)),
  items: (id, page) => ask(() => host.items(id, page)),
  search: (request) => ask(() => host.search(request)),
  requests: ask(() => host.requests()),
  providers: ask(() => host.providers()),
  follow: (request) =>
    Stream.fromAsyncIterable(host.follow(request), (error) => error as Stream.Stream.Error<ReturnType<Millrace["follow"]>>)
})

const asPromises = Layer.scoped(
  Subject,
  Effect.gen(function* () {
    const dataDir = yield* temporaryDirectory
    const host = yield* Effect.acquireRelease(
      Effect.promise(() => createHost({ adapters: [agent.adapter], directories: [dataDir] })),
      (host) => Effect.promise(() => host.close())
    )
    const beginShutdown = Effect.promise(() => host.beginShutdown({ deadline: "30 seconds", mode: "drain" }))
    return { millrace: ofPromises(host), dataDir, beginShutdown }
  })
)

/** `patient`: retries commands that are refused temporarily, instead of failing. */
export const all: ReadonlyArray<{
  readonly name: string
  readonly patient: boolean
  readonly layer: Layer.Layer<Subject, Error>
}> = [
  { name: "in process", patient: false, layer: overServer(({ host }) => Effect.succeed(host)) },
  { name: "as promises", patient: false, layer: asPromises },
  { name: "HTTP", patient: false, layer: overServer((hosted) => Effect.succeed(HttpTransport.make(hosted))) },
  { name: "RPC", patient: false, layer: overServer(overRpc) },
  {
    name: "the resuming client over HTTP",
    patient: true,
    layer: overServer((hosted) => Effect.succeed(Client.make(HttpTransport.make(hosted))))
  },
  {
    name: "the resuming client over RPC",
    patient: true,
    layer: overServer((hosted) => Effect.map(overRpc(hosted), (rpc) => Client.make(rpc)))
  }
]
