/** The worker thread of `HostThread.ts`: runs a host and answers each call once. Frames wait in the log until they are requested. */
import { createHost } from "@millrace/host/createHost"
import type { SubscriptionFrame } from "@millrace/contracts/Frame"
import { type MessagePort, parentPort, workerData } from "node:worker_threads"
import type { Call, Calls, Reply } from "./HostThread.ts"

const port = parentPort as MessagePort
const host = await createHost(workerData as Parameters<typeof createHost>[0])
const subscriptions = new Map<number, AsyncIterator<SubscriptionFrame>>()
let lastId = 0

const calls: Calls = {
  dispatch: host.dispatch,
  state: host.state,
  subscribe: async (options) => {
    subscriptions.set(++lastId, host.subscribe(options)[Symbol.asyncIterator]())
    return lastId
  },
  next: async (id) => (await subscriptions.get(id)?.next()) ?? { done: true, value: undefined },
  leave: async (id) => {
    await subscriptions.get(id)?.return?.()
    subscriptions.delete(id)
  },
  close: async (options) => {
    try {
      // Between the two calls subscribers keep requesting frames, so they receive every event and `bye`.
      return await host.finishShutdown(await host.beginShutdown(options))
    } finally {
      await host.close()
      setImmediate(() => port.close())
    }
  }
}

const perform = ({ args, name }: Call): Promise<unknown> =>
  (calls[name] as (...args: ReadonlyArray<unknown>) => Promise<unknown>)(...args)

port.on("message", (call: Call) =>
  perform(call).then(
    (value) => port.postMessage({ id: call.id, value } satisfies Reply),
    // Errors keep their `_tag` and lose their class in the transfer.
    (error: unknown) => port.postMessage({ id: call.id, error: { ...(error as object), message: String(error) } } satisfies Reply)
  )
)
port.postMessage({ id: 0, value: "ready" } satisfies Reply)
