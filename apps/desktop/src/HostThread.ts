/** A host in a worker thread of this process, so that it does not block the thread that draws windows. Calls and frames go over a message port. */
import type { SubscriptionFrame } from "@millrace/contracts/Frame"
import type { CreateOptions, PromiseHost } from "@millrace/host/createHost"
import { Worker } from "node:worker_threads"

type Subscribe = Parameters<PromiseHost["subscribe"]>[0]

/** Calls to the thread. A frame is sent on request, so a slow reader keeps nothing in memory. */
export interface Calls {
  readonly dispatch: PromiseHost["dispatch"]
  readonly state: PromiseHost["state"]
  readonly subscribe: (options: Subscribe) => Promise<number>
  readonly next: (subscription: number) => Promise<IteratorResult<SubscriptionFrame>>
  readonly leave: (subscription: number) => Promise<void>
  readonly close: (options: Parameters<PromiseHost["beginShutdown"]>[0]) => ReturnType<PromiseHost["finishShutdown"]>
}
export interface Call {
  readonly id: number
  readonly name: keyof Calls
  readonly args: ReadonlyArray<unknown>
}
export type Reply = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: object }

export interface HostThread extends Pick<PromiseHost, "dispatch" | "state" | "subscribe"> {
  /** Shuts down in order and ends the thread. Keep reading your subscriptions until it resolves. Rejects with `ShutdownIncomplete`, also after the thread has ended. */
  readonly close: Calls["close"]
}

/** Options that can be sent to a thread: the options of a host with a data directory. Resolves when the host is ready. */
export const open = async (options: Extract<CreateOptions, { readonly dataDir: string }>): Promise<HostThread> => {
  const thread = new Worker(new URL("./worker.mjs", import.meta.url), { workerData: options })
  const waiting = new Map<number, { readonly resolve: (value: unknown) => void; readonly reject: (error: unknown) => void }>()
  let ids = 0
  const answered = (id: number) => new Promise<unknown>((resolve, reject) => waiting.set(id, { resolve, reject }))
  let failure: unknown
  const fail = (error: unknown) => {
    failure ??= error
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  }
  thread.on("message", (reply: Reply) => {
    const call = waiting.get(reply.id)
    waiting.delete(reply.id)
    if ("error" in reply) call?.reject(Object.assign(new Error(), reply.error))
    else call?.resolve(reply.value)
  })
  thread.on("error", fail).on("exit", () => fail(new Error("The host thread has exited.")))

  const call = <K extends keyof Calls>(name: K, ...args: Parameters<Calls[K]>): ReturnType<Calls[K]> => {
    if (failure !== undefined) return Promise.reject(failure) as ReturnType<Calls[K]>
    const id = ++ids
    const answer = answered(id)
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is not a window and has no origin
    thread.postMessage({ id, name, args } satisfies Call)
    // The worker's `calls` has exactly this type.
    return answer as ReturnType<Calls[K]>
  }
  const frames = async function* (request: Subscribe): AsyncGenerator<SubscriptionFrame> {
    const subscription = await call("subscribe", request)
    try {
      for (;;) {
        const { done, value } = await call("next", subscription)
        if (done === true) return
        yield value
        if (value._tag === "bye" || value._tag === "end") return
      }
    } finally {
      // Fails if the thread has ended, which also ends the subscription.
      await call("leave", subscription).catch(() => {})
    }
  }
  await answered(0)
  return {
    dispatch: (...args) => call("dispatch", ...args),
    state: () => call("state"),
    subscribe: frames,
    close: (...args) => call("close", ...args)
  }
}
