/**
 * Mistakes that were seen, or nearly made, in hosts of this field, one at a time in place of one function of the product. Each names the case that
 * must find it. None of this is product code.
 */
import type * as Consumers from "@millrace/host/internal/Consumers"
import type * as Host from "@millrace/host/Host"
import type * as OpenRequests from "@millrace/host/internal/OpenRequests"
import type * as BoundedLayer from "@millrace/host/internal/BoundedLayer"
import type * as Shutdown from "@millrace/host/internal/Shutdown"
import type * as Skipping from "@millrace/host/internal/Skipping"
import type * as Subscription from "@millrace/host/internal/Subscription"
import { format, type LogEpoch } from "@millrace/contracts/Cursor"
import { EventLog } from "@millrace/log/EventLog"
import type * as Engine from "@millrace/orchestration/engine/Engine"
import type * as LaneModule from "@millrace/orchestration/internal/engine/Lane"
import { Context, Duration, Effect, Layer, Option, Queue, Scope, Stream } from "effect"
import { inModule, type ModuleMutant } from "../MutantRunner.ts"
import type { Name } from "./Cases.ts"

export interface HostMutant extends ModuleMutant {
  /** The case that finds it. */
  readonly by: Name
}

const mutant = <Module>(
  name: string,
  promise: string,
  by: Name,
  module: string,
  change: (right: Module) => Partial<Module>
): HostMutant => ({ ...inModule(`${name}; found by ${by}`, promise, module, change), by })

type EngineService = typeof Engine.Engine.Service
/** The same engine with some functions replaced. */
const engine =
  (wrong: (right: EngineService, log: typeof EventLog.Service) => Partial<EngineService>) =>
  (right: typeof Engine): Partial<typeof Engine> => ({
    layer: (options) =>
      Layer.scoped(
        right.Engine,
        Effect.gen(function* () {
          const service = yield* right.make(options)
          return { ...service, ...wrong(service, yield* EventLog) }
        })
      )
  })
type ConsumersService = Consumers.Consumers
const consumers =
  (wrong: (right: ConsumersService) => Partial<ConsumersService>) =>
  (right: typeof Consumers): Partial<typeof Consumers> => ({
    make: (...parts) => Effect.map(right.make(...parts), (service) => ({ ...service, ...wrong(service) }))
  })
const shutdown =
  (wrong: (right: Shutdown.Shutdown, parts: Parameters<typeof Shutdown.make>[0]) => Partial<Shutdown.Shutdown>) =>
  (right: typeof Shutdown): Partial<typeof Shutdown> => ({
    make: (parts) => Effect.map(right.make(parts), (service) => ({ ...service, ...wrong(service, parts) }))
  })

export const mutants: ReadonlyArray<HostMutant> = [
  mutant<typeof Subscription>("a full buffer drops events", "S4", "S4 D7 saturation (case 1)", "host/Subscription", (right) => ({
    frames: (log, readers, options) =>
      Stream.bufferChunks(right.frames(log, readers, options), { capacity: Math.max(1, options.capacity), strategy: "dropping" })
  })),
  mutant<typeof Skipping>("terminals may be skipped", "S3", "S4 best effort (case 2)", "host/Skipping", () => ({
    isProgress: () => true
  })),
  mutant<typeof Skipping>("lagged is only a count", "S4", "S4 best effort (case 2)", "host/Skipping", (right) => ({
    extend: (run, offset) => ({ ...right.extend(run, offset), from: offset })
  })),
  mutant<typeof Host>("an answer waits behind events", "D15", "D15 answers (case 4)", "host/Host", (right) => ({
    layerMemory: (options) =>
      Layer.map(right.layerMemory(options), (context) => {
        const host = Context.get(context, right.Host)
        type Sent = Effect.Effect.Success<ReturnType<typeof queue>>
        const queue = () => Queue.bounded<Chunk>(1)
        type Chunk = { readonly frame: Stream.Stream.Success<ReturnType<typeof host.subscribe>> } | undefined
        const queues = new Set<Sent>()
        return Context.add(context, right.Host, {
          ...host,
          subscribe: (request) =>
            Stream.unwrapScoped(
              Effect.gen(function* () {
                const sent = yield* queue()
                yield* Effect.acquireRelease(
                  Effect.sync(() => queues.add(sent)),
                  () => Effect.sync(() => queues.delete(sent))
                )
                yield* Effect.forkScoped(Stream.runForEach(host.subscribe(request), (frame) => Queue.offer(sent, { frame })))
                return Stream.filterMap(Stream.fromQueue(sent, { maxChunkSize: 1 }), (one) =>
                  one === undefined ? Option.none() : Option.some(one.frame)
                )
              })
            ),
          dispatch: (command, actor) =>
            Effect.tap(host.dispatch(command, actor), () =>
              Effect.forEach(queues, (sent) => Queue.offer(sent, undefined), { discard: true })
            )
        })
      })
  })),
  mutant<typeof LaneModule>(
    "a rejected offer counts as accepted",
    "C3",
    "C3 overload (case 11)",
    "orchestration/engine/Lane",
    ({ Lane }) => ({
      Lane: class<A> extends Lane<A> {
        override hasRoom(): boolean {
          return true
        }
        override tryOffer(value: A, weight: number): boolean {
          if (this.size < 20) super.tryOffer(value, weight)
          return true
        }
      }
    })
  ),
  mutant<typeof Engine>(
    "an answer before the commit",
    "C1",
    "S2 C1 accepted just before (case 15)",
    "orchestration/engine/Engine",
    engine(({ dispatch }, log) => ({
      dispatch: (command, actor) =>
        Effect.gen(function* () {
          yield* Effect.forkDaemon(Effect.either(dispatch(command, actor)))
          const offset = (yield* log.head) + 1
          return { status: "accepted", commandId: command.commandId, offset, cursor: format(log.epoch as LogEpoch, offset) }
        })
    }))
  ),
  mutant<typeof Engine>(
    "the engine reports idle before the last commit",
    "S2",
    "S2 C1 accepted just before (case 15)",
    "orchestration/engine/Engine",
    engine(() => ({ drain: Effect.void }))
  ),
  mutant<typeof Engine>(
    "admission is checked in RPC only",
    "S1",
    "S1 late command (case 16)",
    "orchestration/engine/Engine",
    engine(() => ({ closeAdmission: Effect.void }))
  ),
  mutant<typeof Consumers>(
    "goodbye before the head",
    "S3",
    "S3 goodbye at the head (case 17)",
    "host/Consumers",
    consumers(({ settle, watch }) => ({ watch: Effect.zipRight(watch, settle) }))
  ),
  mutant<typeof Subscription>(
    "Queue.shutdown ends a subscription",
    "S4",
    "S4 slow consumer (case 19)",
    "host/Subscription",
    (right) => ({
      frames: (log, readers, options) =>
        Stream.unwrapScoped(
          Effect.gen(function* () {
            const queue = yield* Queue.bounded<Stream.Stream.Success<ReturnType<typeof right.frames>>>(16)
            yield* Stream.runForEach(right.frames(log, readers, options), (frame) => Queue.offer(queue, frame)).pipe(
              Effect.ensuring(Queue.shutdown(queue)),
              Effect.forkScoped
            )
            return Stream.fromQueue(queue, { maxChunkSize: 1 })
          })
        )
    })
  ),
  mutant<typeof Consumers>(
    "the shutdown waits for dead consumers",
    "S5",
    "S5 consumer dies (case 20)",
    "host/Consumers",
    consumers(({ register }) => ({
      register: (options) => Effect.flatMap(Scope.make(), (scope) => Scope.extend(register(options), scope))
    }))
  ),
  mutant<typeof Shutdown>(
    "finish always succeeds",
    "S5",
    "S5 S6 consumer never reads (cases 21, 22)",
    "host/Shutdown",
    shutdown(({ finish }) => ({ finish: (token) => Effect.catchAll(finish(token), (report) => Effect.succeed(report)) }))
  ),
  mutant<typeof Shutdown>(
    "each stage has a separate deadline",
    "S6",
    "S5 S6 consumer never reads (cases 21, 22)",
    "host/Shutdown",
    shutdown(({ finish }, parts) => ({
      finish: (token) =>
        Effect.ensuring(
          finish(token),
          parts.consumers.ended.pipe(Effect.interruptible, Effect.timeoutOption(token.deadlineAt - token.beganAt))
        )
    }))
  ),
  mutant<typeof BoundedLayer>(
    "each layer has the whole deadline",
    "S6",
    "S6 layers that hang (cases 22, 23)",
    "host/BoundedLayer",
    (right) => ({
      closing: (within) => {
        const all = Duration.toMillis(within)
        return Layer.succeed(right.CloseDeadline, { by: () => {}, left: Effect.succeed(all), leftToClose: Effect.succeed(all) })
      }
    })
  ),
  mutant<typeof OpenRequests>("new requests are not declined", "S2", "S2 approvals (case 24)", "host/OpenRequests", () => ({
    refuse: () => Effect.never
  })),
  mutant<typeof Shutdown>(
    "a second begin starts another shutdown",
    "S7",
    "S7 begin twice (case 25)",
    "host/Shutdown",
    shutdown(({ begin }) => ({
      begin: (options) =>
        Effect.map(begin(options), (token) => ({
          ...token,
          mode: options.mode,
          deadlineAt: token.beganAt + Duration.toMillis(options.deadline)
        }))
    }))
  )
]
