/** The SharedWorker: one hub for all tabs of this origin. */
import { make } from "./Hub.ts"
import type { ToHub } from "./Wire.ts"

/** What this file uses of `SharedWorkerGlobalScope`, which the DOM library does not have. */
const scope = globalThis as unknown as {
  readonly location: Location
  readonly addEventListener: (type: "connect", listener: (event: MessageEvent) => void) => void
}

const hub = make(scope.location.origin)
scope.addEventListener("connect", ({ ports: [port] }) => {
  if (port === undefined) return
  const tab = { post: (message: unknown) => port.postMessage(message) }
  port.addEventListener("message", ({ data }: MessageEvent<ToHub>) => hub.hear(tab, data))
  port.start()
})
