/** The product's in-process subscription over a log alone: without a host, so no signals and no shutdown. */
import type { CursorError, StorageUnavailable } from "@millrace/contracts/Errors"
import type { EventFilter } from "@millrace/contracts/Filter"
import type { Frame } from "@millrace/contracts/Frame"
import * as Consumers from "@millrace/host/internal/Consumers"
import * as Subscription from "@millrace/host/internal/Subscription"
import type { EventLog } from "@millrace/log/EventLog"
import { Effect, Stream } from "effect"

const noSignals = { position: () => 0, since: (position: number) => ({ position, signals: [] }), awaitBeyond: () => Effect.never }

export const follow = (
  log: typeof EventLog.Service,
  options: EventFilter & { readonly after?: string }
): Stream.Stream<Frame, CursorError | StorageUnavailable> =>
  Stream.unwrapScoped(Effect.map(Consumers.make(log, noSignals), (consumers) => Subscription.lossless(log, consumers, options)))
