/**
 * Named points of a host's life at which a test can look, or end the process: around each commit, each start of an agent, in recovery, in
 * the shutdown. A host without `onStep` has none of this in it.
 */
import { Providers } from "@millrace/contracts/ProviderAdapter"
import type { Step as LogStep } from "@millrace/log/Storage"
import * as Ledger from "@millrace/providers/process/Ledger"
import { Effect, Layer } from "effect"

/** In the order of a life. Those before `recovery-reaped` come again and again. */
export const points = [
  "before-begin",
  "after-begin",
  "before-commit",
  "after-commit-before-answer",
  /** An agent is asked for. */
  "before-spawn",
  /** Its process is there, and waits at its gate. */
  "after-spawn-before-ledger",
  /** It is recorded, and still waits. */
  "after-ledger-before-work",
  /** What an earlier server left running is dead. */
  "recovery-reaped",
  /** What it left open is ended in the log. */
  "recovery-settled",
  "recovery-queues-released",
  /** Commands are taken. */
  "recovery-admitted",
  "shutdown-begun",
  /** Everything that was accepted is with its agent. */
  "shutdown-accepted",
  "shutdown-sessions-stopped",
  "shutdown-committed",
  /** Consumers in this process have everything. */
  "shutdown-delivered",
  /** Connections are over; the log is still open. */
  "shutdown-drained"
] as const
export type Point = (typeof points)[number]
export type OnStep = (point: Point) => void

const ofLog: { readonly [S in LogStep]?: Point } = {
  begin: "before-begin",
  streams: "after-begin",
  commit: "before-commit",
  committed: "after-commit-before-answer"
}

/** As an option of the log. */
export const inLog = (onStep: OnStep | undefined): { readonly onStep?: (step: LogStep) => void } =>
  onStep === undefined
    ? {}
    : {
        onStep: (step) => {
          const point = ofLog[step]
          if (point !== undefined) onStep(point)
        }
      }

/** The same agents, and the point before each of them is asked for. */
export const inAgents = <E, R>(agents: Layer.Layer<Providers, E, R>, onStep: OnStep | undefined): Layer.Layer<Providers, E, R> =>
  onStep === undefined
    ? agents
    : Layer.effect(
        Providers,
        Effect.map(Providers, ({ adapters }) => ({
          adapters: new Map(
            Array.from(adapters, ([name, adapter]) => [
              name,
              { ...adapter, open: (input) => Effect.suspend(() => (onStep("before-spawn"), adapter.open(input))) }
            ])
          )
        }))
      ).pipe(Layer.provide(agents))

/** The same ledger, and the points around each record. */
export const inLedger = <E, R>(
  ledger: Layer.Layer<Ledger.Ledger, E, R>,
  onStep: OnStep | undefined
): Layer.Layer<Ledger.Ledger, E, R> =>
  onStep === undefined
    ? ledger
    : Layer.effect(
        Ledger.Ledger,
        Effect.map(Ledger.Ledger, (service) => ({
          ...service,
          record: (entry) =>
            Effect.sync(() => onStep("after-spawn-before-ledger")).pipe(
              Effect.zipRight(service.record(entry)),
              Effect.tap(() => Effect.sync(() => onStep("after-ledger-before-work")))
            )
        }))
      ).pipe(Layer.provide(ledger))
