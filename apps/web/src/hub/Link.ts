/** A tab's connection to the hub. */
import { defined } from "@millrace/contracts/Defined"
import type { Accepted, BodyOf, CommandType } from "@millrace/contracts/Command"
import type { CommandId } from "@millrace/contracts/Ids"
import type { Call, Failed, ToHub, ToTab } from "./Wire.ts"

export interface Link {
  /** Rejects with a `Refusal`. */
  readonly call: <A>(call: Call) => Promise<A>
  /** Sends a command. The hub adds an id if the command has none, and retries until it has an answer (Outbox). */
  readonly send: <T extends CommandType>(type: T, body: BodyOf<T>, commandId?: CommandId) => Promise<Accepted>
  readonly retry: () => void
}

/** A failed call, with the error of the API. */
export class Refusal extends Error {
  readonly tag: string
  readonly rule: string | undefined
  constructor({ message, rule, tag }: Failed) {
    super(message)
    this.tag = tag
    this.rule = rule
  }
}

type OnMessage = (message: ToTab) => void

/** Connects to the hub: in a SharedWorker if the browser has them, otherwise in this page. */
const connect = async (onMessage: OnMessage): Promise<(message: ToHub) => void> => {
  if (typeof SharedWorker !== "undefined") {
    const worker = new SharedWorker(new URL("./worker.ts", import.meta.url), { type: "module", name: "millrace" })
    worker.port.addEventListener("message", ({ data }: MessageEvent<ToTab>) => onMessage(data))
    worker.port.start()
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port has no origin to name
    return (message) => worker.port.postMessage(message)
  }
  const hub = (await import("./Hub.ts")).make(location.origin)
  const tab = { post: onMessage }
  return (message) => hub.handle(tab, message)
}

export const make = (onMessage: OnMessage): Link => {
  const waiting = new Map<number, { readonly resolve: (value: unknown) => void; readonly reject: (error: Refusal) => void }>()
  let next = 1
  const sendToHub = connect((message) => {
    if (message.tag !== "answer" && message.tag !== "refusal") return onMessage(message)
    const pending = waiting.get(message.id)
    waiting.delete(message.id)
    if (message.tag === "answer") pending?.resolve(message.value)
    else pending?.reject(new Refusal(message.failed))
  })
  const post = (message: ToHub) => void sendToHub.then((send) => send(message))

  post({ tag: "attach" })
  window.addEventListener("pagehide", () => post({ tag: "leave" }))
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) post({ tag: "attach" })
  })
  window.addEventListener("online", () => post({ tag: "again" }))
  // A page that becomes visible reconnects at once.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) post({ tag: "again" })
  })

  const ask = (request: Call) =>
    new Promise<unknown>((resolve, reject) => {
      const id = next++
      waiting.set(id, { resolve, reject })
      post({ tag: "call", id, call: request })
    })
  // The hub returns the result that `Millrace` declares for this call.
  const call = <A>(request: Call) => ask(request) as Promise<A>
  return {
    call,
    send: (type, body, commandId) => call<Accepted>({ name: "dispatch", type, body, ...defined({ commandId }) }),
    retry: () => post({ tag: "retry" })
  }
}
