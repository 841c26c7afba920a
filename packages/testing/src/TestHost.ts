/**
 * A whole host for tests: a log in memory, scripted agents, two directories, and the clock of the test. `it.effect` provides TestClock.
 * `simulate(seed, ...)` provides a seeded scheduler with virtual time. docs/host.md shows three tests.
 */
import type { LogEvent } from "@millrace/contracts/Event"
import type { Frame, SubscriptionFrame } from "@millrace/contracts/Frame"
import type { ThreadId } from "@millrace/contracts/Ids"
import { EventLog, type LogUnavailable } from "@millrace/log/EventLog"
import * as EventLogMemory from "@millrace/log/EventLogMemory"
import * as Host from "@millrace/host/Host"
import { Chunk, Context, Effect, Layer, type Scope, Stream } from "effect"
import { command } from "./Orchestration.ts"
import * as ScriptedProvider from "./ScriptedProvider.ts"

export interface Options extends Host.Limits {
  /** Default: one provider named `scripted` that echoes the prompt. */
  readonly providers?: ReadonlyArray<ScriptedProvider.Scripted>
  /** Default: a new log. To restart a host over the same log, pass a log that outlives it. */
  readonly store?: Layer.Layer<EventLog, LogUnavailable>
}

type Service = typeof Host.Host.Service

/** The allowed working directories of threads. */
export const directories = ["/work", "/other"] as const

/** The host with its log and engine, for tests that read them directly. */
export const layer = ({ providers = [ScriptedProvider.make()], ...options }: Options = {}) =>
  Host.layerMemory({ ...options, adapters: providers.map(({ adapter }) => adapter), directories })

/** A host that lives as long as the scope. */
export const make = (options: Options = {}): Effect.Effect<Service, Layer.Layer.Error<ReturnType<typeof layer>>, Scope.Scope> =>
  Effect.map(Layer.build(layer(options)), (context) => Context.get(context, Host.Host))

/** Creates a thread with a first turn. The turn is accepted and runs. */
export const begin = (host: Service, text: string, provider = "scripted") =>
  Effect.map(host.dispatch(command("thread.create", { provider, cwd: "/work", turn: { text } }), "tester"), (accepted) => ({
    ...accepted,
    threadId: accepted.threadId as ThreadId
  }))

/** The events among the frames. */
export const events = (frames: Iterable<SubscriptionFrame>): ReadonlyArray<LogEvent> =>
  Array.from(frames).flatMap((frame) => (frame._tag === "event" ? [frame.event] : []))

/** The log up to the first event of one of these types, as a subscriber receives it. */
export const until = (host: Service, ...types: ReadonlyArray<string>) =>
  host.follow({}).pipe(
    Stream.takeUntil((frame: Frame) => frame._tag === "event" && types.includes(frame.event.type)),
    Stream.runCollect,
    Effect.map((frames) => events(Chunk.toReadonlyArray(frames)))
  )

/** A log in memory that outlives its hosts: `store: Layer.succeed(EventLog, log)`. */
export const memoryLog = Effect.orDie(EventLogMemory.make())

const neverCloses = Effect.addFinalizer(() => Effect.never)

/** A log in memory that never closes. */
export const hangingLog: Layer.Layer<EventLog> = Layer.scoped(EventLog, Effect.zipRight(neverCloses, memoryLog))

/** The same agents with sessions that never close. */
export const hangingSessions = ({ adapter, ...scripted }: ScriptedProvider.Scripted): ScriptedProvider.Scripted => ({
  ...scripted,
  adapter: { ...adapter, open: (input) => Effect.zipRight(neverCloses, adapter.open(input)) }
})
