/** Request bodies: JSON for every content type, at most 1 MiB. The server reads no byte beyond that (X5). */
import type { IncomingMessage, ServerResponse } from "node:http"
import { NodeHttpServerRequest } from "@effect/platform-node"
import type { HttpServerRequest } from "@effect/platform"
import { Effect } from "effect"
import { BadRequest, PayloadTooLarge } from "@millrace/contracts/Errors"
import { wellFormedJson } from "@millrace/contracts/Text"
import { isDeep } from "@millrace/orchestration/state/Truncation"
import { type Session, stillValid } from "../auth/Session.ts"
import { messageOf } from "../NodeError.ts"

const limitBytes = 1024 * 1024

const tooLarge = new PayloadTooLarge({
  limitBytes,
  message: `The body is larger than ${limitBytes} bytes. Put large text into a file of the project and name it in the prompt.`
})

/** How many bytes a refused client may still send, and how long it may pause, before its connection is cut. */
const lingerBytes = 32 * 1024 * 1024
const lingerMillis = 1000

/**
 * Discards the rest of a rejected body, within bounds. Otherwise a client that is still sending would get a connection reset
 * before it reads the response.
 */
export const discard = (source: IncomingMessage, response: ServerResponse) => {
  let size = 0
  source.on("data", (chunk: Buffer) => {
    size += chunk.length
    if (size > lingerBytes) source.destroy()
  })
  source.on("error", () => {})
  // Node closes a connection that is idle for this long. Its own listener for this event sets its timeout first.
  response.once("finish", () => {
    if (!source.complete) source.socket.setTimeout(lingerMillis)
  })
}

/** The text of the body. A body that is larger than the limit, or declares to be, is rejected at once and not kept. */
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
      resume(new BadRequest({ message: `Cannot read the body: ${cause.message}. Send the request again.` }))
    }
    source.on("data", onData).on("end", onEnd).on("error", onError)
    return Effect.sync(stop)
  })

/** Whether a value has a field `__proto__`. Decoding would drop it silently and could not reject it as unknown. */
export const hasPrototype = (value: unknown): boolean =>
  typeof value === "object" && value !== null && (Object.hasOwn(value, "__proto__") || Object.values(value).some(hasPrototype))

/** The body of a request with a session, as `json` reads it. Fails when the token ended while the client sent the body. */
export const ofSession = (request: HttpServerRequest.HttpServerRequest, session: Session["Type"]) =>
  Effect.zipLeft(json(request), stillValid(session))

/** The body as a JSON value; an empty body is `{}`. */
export const json = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<unknown, BadRequest | PayloadTooLarge> =>
  Effect.flatMap(text(request), (body) =>
    body.trim() === ""
      ? Effect.succeed({})
      : Effect.try({
          try: (): unknown => JSON.parse(body),
          catch: (cause) => new BadRequest({ message: `The body is not JSON: ${messageOf(cause)}` })
        }).pipe(
          Effect.filterOrFail(
            (value) => !isDeep(value),
            () => new BadRequest({ message: "The body's lists and objects are nested too deeply." })
          ),
          // After this step every string is well-formed Unicode.
          Effect.map(wellFormedJson),
          Effect.filterOrFail(
            (value) => !hasPrototype(value),
            () => new BadRequest({ path: "__proto__", message: "body: __proto__: no field can have this name." })
          )
        )
  )
