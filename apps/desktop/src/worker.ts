/** The worker thread of `HostThread.ts`: runs a host and answers each call once. Frames wait in the log until they are requested. */
import { createHost } from "@millrace/host/createHost"
import type { SubscriptionFrame } from "@millrace/contracts/Frame"
import { type MessagePort, parentPort, workerData } from "node:worker_threads"
import type { Call, Calls, Reply } from "./HostThread.ts"

const port = parentPort as MessagePort
const host = await createHost(workerData as Parameters<typeof createHost>[0])
const loops = new Map<number, AsyncIterator<SubscriptionFrame>>()
let names = 0

const calls: Calls = {
  dispatch: host.dispatch,
  state: host.state,
  subscribe: async (options) => {
    loops.set(++names, host.subscribe(options)[Symbol.asyncIterator]())
    return names
  },
  next: async (loop) => (await loops.get(loop)?.next()) ?? { done: true, value: undefined },
  leave: async (loop) => {
    await loops.get(loop)?.return?.()
    loops.delete(loop)
  },
  close: async (options) => {
    try {
      // Meanwhile readers keep requesting frames: they get everything, and `bye`.
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
