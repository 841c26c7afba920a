/** The product's in-process subscription over a log alone. It has no host, so it has no signals and no shutdown. */
import type { CursorError, StorageUnavailable } from "@millrace/contracts/Errors"
import type { EventFilter } from "@millrace/contracts/Filter"
import type { Frame } from "@millrace/contracts/Frame"
import * as Consumers from "@millrace/host/internal/Consumers"
import * as Subscription from "@millrace/host/internal/Subscription"
import type { EventLog } from "@millrace/log/EventLog"
import { Effect, Stream } from "effect"

/** `Effect.never` holds a timer until it is interrupted. A model kills fibers without an interruption, so such timers and the objects that they refer to would stay. */
const nothing: Effect.Effect<never> = Effect.async<never>(() => {})
const noSignals = { position: () => 0, since: (position: number) => ({ position, signals: [] }), awaitBeyond: () => nothing }

export const follow = (
  log: typeof EventLog.Service,
  options: EventFilter & { readonly after?: string }
): Stream.Stream<Frame, CursorError | StorageUnavailable> =>
  Stream.unwrapScoped(Effect.map(Consumers.make(log, noSignals), (consumers) => Subscription.lossless(log, consumers, options)))
