/** What both dialects of the scripted model endpoint write with. */
import { Effect } from "effect"
import type { ServerResponse } from "node:http"

/** Waits for the socket when its buffer is full; a closed connection ends the wait. */
export const write = (response: ServerResponse, text: string) =>
  Effect.async<void>((resume) => {
    if (response.destroyed || response.write(text)) return resume(Effect.void)
    const done = () => {
      response.off("drain", done)
      response.off("close", done)
      resume(Effect.void)
    }
    response.on("drain", done)
    response.on("close", done)
  })

/** With the blanks that follow them. */
export const words = (text: string) => text.split(/(?<= )/)
