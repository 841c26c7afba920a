/** Request bodies: JSON whatever the content type says, at most 1 MiB, never read further than that (X5). */
import type { IncomingMessage, ServerResponse } from "node:http"
import { NodeHttpServerRequest } from "@effect/platform-node"
import type { HttpServerRequest } from "@effect/platform"
import { Effect } from "effect"
import { BadRequest, PayloadTooLarge } from "@millrace/contracts/Errors"
import { wellFormedJson } from "@millrace/contracts/Text"
import { isDeep } from "@millrace/orchestration/Limits"
import { words } from "../Thrown.ts"

const limitBytes = 1024 * 1024

const tooLarge = new PayloadTooLarge({
  limitBytes,
  message: `The body is larger than ${limitBytes} bytes. Put large text into a file of the project and name it in the prompt.`
})

/** What a client may still send after it was refused, and how long it may pause, before its connection is cut. */
const lingerBytes = 32 * 1024 * 1024
const lingerMillis = 1000

/**
 * Throws the rest of a refused body away, within bounds: a client that is still sending would otherwise meet a closed connection
 * before it reads the answer.
 */
export const discard = (source: IncomingMessage, response: ServerResponse) => {
  let size = 0
  source.on("data", (chunk: Buffer) => {
    size += chunk.length
    if (size > lingerBytes) source.destroy()
  })
  source.on("error", () => {})
  // Node ends a connection that is idle for this long. It sets its own time at the same event, before.
  response.once("finish", () => {
    if (!source.complete) source.socket.setTimeout(lingerMillis)
  })
}

/** The body's text, as far as the limit: a body that is or declares to be larger is refused at once and not kept. */
const text = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<string, BadRequest | PayloadTooLarge> =>
  Effect.async((resume) => {
    const source = NodeHttpServerRequest.toIncomingMessage(request)
    const refuse = () => {
      discard(source, NodeHttpServerRequest.toServerResponse(request))
      resume(tooLarge)
    }
    if (Number(source.headers["content-length"] ?? 0) > limitBytes) return refuse()
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
      refuse()
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

/** A name that JSON can have and a JavaScript object loses: what is lost is no longer refused by anybody. */
export const hasPrototype = (value: unknown): boolean =>
  typeof value === "object" && value !== null && (Object.hasOwn(value, "__proto__") || Object.values(value).some(hasPrototype))

/** The body as a JSON value; an empty body is `{}`. */
export const json = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<unknown, BadRequest | PayloadTooLarge> =>
  Effect.flatMap(text(request), (body) =>
    body.trim() === ""
      ? Effect.succeed({})
      : Effect.try({
          try: (): unknown => JSON.parse(body),
          catch: (cause) => new BadRequest({ message: `The body is not JSON: ${words(cause)}` })
        }).pipe(
          Effect.filterOrFail(
            (value) => !isDeep(value),
            () => new BadRequest({ message: "The body's lists and objects are too deep in each other." })
          ),
          // Every string that comes in is well formed from here on.
          Effect.map(wellFormedJson),
          Effect.filterOrFail(
            (value) => !hasPrototype(value),
            () => new BadRequest({ path: "__proto__", message: "body: __proto__: no field can have this name." })
          )
        )
  )
