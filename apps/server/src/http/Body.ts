/** Request bodies: JSON whatever the content type says, at most 1 MiB, never read further than that (X5). */
import { NodeHttpServerRequest } from "@effect/platform-node"
import type { HttpServerRequest } from "@effect/platform"
import { Effect } from "effect"
import { BadRequest, PayloadTooLarge } from "@millrace/contracts/Errors"

export const limitBytes = 1024 * 1024

const tooLarge = new PayloadTooLarge({
  limitBytes,
  message: `The body is larger than ${limitBytes} bytes. Put large text into a file of the project and name it in the prompt.`
})

/** The body's text. A body that declares to be too large is refused unread; one that grows too large is cut off. */
const text = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<string, BadRequest | PayloadTooLarge> =>
  Effect.async((resume) => {
    const source = NodeHttpServerRequest.toIncomingMessage(request)
    if (Number(source.headers["content-length"] ?? 0) > limitBytes) return resume(tooLarge)
    const chunks: Array<Buffer> = []
    let size = 0
    const stop = () => {
      source.off("data", onData).off("end", onEnd).off("error", onError)
    }
    const onData = (chunk: Buffer) => {
      size += chunk.length
      chunks.push(chunk)
      if (size <= limitBytes) return
      stop()
      source.pause()
      resume(tooLarge)
    }
    const onEnd = () => {
      stop()
      resume(Effect.succeed(Buffer.concat(chunks).toString("utf8")))
    }
    const onError = (cause: Error) => {
      stop()
      resume(new BadRequest({ message: `The body could not be read: ${cause.message}. Send the request again.` }))
    }
    source.on("data", onData).on("end", onEnd).on("error", onError)
    return Effect.sync(stop)
  })

/** The body as a JSON value; an empty body is `{}`. */
export const json = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<unknown, BadRequest | PayloadTooLarge> =>
  Effect.flatMap(text(request), (body) =>
    body.trim() === ""
      ? Effect.succeed({})
      : Effect.try({
          try: (): unknown => JSON.parse(body),
          catch: (cause) =>
            new BadRequest({ message: `The body is not JSON: ${cause instanceof Error ? cause.message : String(cause)}` })
        })
  )
