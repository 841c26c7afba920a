/** Functions that all dialects of the scripted model endpoint use for writing. */
import { Effect } from "effect"
import type { ServerResponse } from "node:http"

/** Waits for `drain` when the socket's buffer is full; a closed connection ends the wait. */
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

/** Splits text into words, each with the blanks that follow it. */
export const words = (text: string) => text.split(/(?<= )/)
