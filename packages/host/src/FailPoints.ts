/**
 * Fail points of the host, for tests that observe it or kill the process there: around each commit and each start of an agent, in recovery, in
 * the shutdown. Without `onStep` no hook is installed.
 */
import { Providers } from "@millrace/contracts/ProviderAdapter"
import type { Step as LogStep } from "@millrace/log/Storage"
import * as Ledger from "@millrace/providers/process/Ledger"
import { Effect, Layer } from "effect"

/** In the order in which a host passes them. The points before `recovery-reaped` repeat. */
export const points = [
  "before-begin",
  "after-begin",
  "before-commit",
  "after-commit-before-answer",
  /** Before an agent is opened. */
  "before-spawn",
  /** The agent's process exists and waits at its gate. */
  "after-spawn-before-ledger",
  /** The process is in the ledger and still waits. */
  "after-ledger-before-work",
  /** The agent processes of an earlier server are dead. */
  "recovery-reaped",
  /** The turns, sessions and requests that the earlier server left open are ended in the log. */
  "recovery-settled",
  "recovery-queues-released",
  /** The host accepts commands. */
  "recovery-admitted",
  "shutdown-begun",
  /** Every accepted command is dispatched to its agent. */
  "shutdown-accepted",
  "shutdown-sessions-stopped",
  "shutdown-committed",
  /** In-process consumers have received everything. */
  "shutdown-delivered",
  /** Connections are closed; the log is still open. */
  "shutdown-drained"
] as const
export type FailPoint = (typeof points)[number]
export type OnFailPoint = (point: FailPoint) => void

const ofLog: { readonly [S in LogStep]?: FailPoint } = {
  begin: "before-begin",
  streams: "after-begin",
  commit: "before-commit",
  committed: "after-commit-before-answer"
}

/** The hook as an option of the log. */
export const inLog = (onStep: OnFailPoint | undefined): { readonly onStep?: (step: LogStep) => void } =>
  onStep === undefined
    ? {}
    : {
        onStep: (step) => {
          const point = ofLog[step]
          if (point !== undefined) onStep(point)
        }
      }

/** Adds the point before each agent is opened. */
export const inAgents = <E, R>(
  agents: Layer.Layer<Providers, E, R>,
  onStep: OnFailPoint | undefined
): Layer.Layer<Providers, E, R> =>
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

/** Adds the points around each ledger record. */
export const inLedger = <E, R>(
  ledger: Layer.Layer<Ledger.Ledger, E, R>,
  onStep: OnFailPoint | undefined
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
