/** The SharedWorker: one hub for all tabs of this origin. */
import { make } from "./Hub.ts"
import type { ToHub } from "./Wire.ts"

/** The part of `SharedWorkerGlobalScope` that this file uses; the DOM library lacks its types. */
const scope = globalThis as unknown as {
  readonly location: Location
  readonly addEventListener: (type: "connect", listener: (event: MessageEvent) => void) => void
}

const hub = make(scope.location.origin)
scope.addEventListener("connect", ({ ports: [port] }) => {
  if (port === undefined) return
  const tab = { post: (message: unknown) => port.postMessage(message) }
  port.addEventListener("message", ({ data }: MessageEvent<ToHub>) => hub.handle(tab, data))
  port.start()
})
