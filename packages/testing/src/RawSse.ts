/** Reads server-sent events from a bare socket, so that a test can cut the connection at any byte. Independent of `@millrace/client`. */
import { Effect } from "effect"
import { get } from "node:http"

export interface RawEvent {
  readonly id: string
  /** The text after `data: `, unchanged. */
  readonly data: string
}

export interface Attach {
  readonly url: string
  readonly token: string
  readonly lastEventId?: string
  /** Destroys the socket after this many bytes of the body, wherever that is in a frame. */
  readonly cutAfterBytes?: number
  /** Called when the response headers arrived. */
  readonly onAnswer?: (status: number) => void
  /** Pauses for this many milliseconds after each chunk. */
  readonly restMillis?: number
  /** Called with the events of this connection after each one. Stops reading when it returns true. */
  readonly until?: (events: ReadonlyArray<RawEvent>) => boolean
}

export interface Attached {
  readonly status: number
  /** Complete event frames only; an incomplete frame is dropped. */
  readonly events: ReadonlyArray<RawEvent>
  /** Names of the control frames, in order. */
  readonly controls: ReadonlyArray<{ readonly name: string; readonly data: string; readonly hasId: boolean }>
  readonly bytes: number
  readonly end: "cut" | "until" | "closed"
}

/** One connection, until it is cut or ends. */
export const attach = (options: Attach): Effect.Effect<Attached, Error> =>
  Effect.async((resume) => {
    const events: Array<RawEvent> = []
    const controls: Array<{ name: string; data: string; hasId: boolean }> = []
    let bytes = 0
    let rest = ""
    let status = 0
    const decoder = new TextDecoder()
    const request = get(
      options.url,
      {
        headers: {
          accept: "text/event-stream",
          authorization: `Bearer ${options.token}`,
          ...(options.lastEventId === undefined ? {} : { "last-event-id": options.lastEventId })
        },
        agent: false
      },
      (response) => {
        status = response.statusCode ?? 0
        options.onAnswer?.(status)
        response.on("data", (chunk: Buffer) => {
          const room = options.cutAfterBytes === undefined ? chunk.length : Math.max(0, options.cutAfterBytes - bytes)
          const taken = chunk.subarray(0, room)
          bytes += taken.length
          const frames = (rest + decoder.decode(taken, { stream: true })).split("\n\n")
          rest = frames.pop() ?? ""
          for (const frame of frames) take(frame)
          if (bytes === options.cutAfterBytes) finish("cut")
          else if (options.until?.(events) === true) finish("until")
          else if (options.restMillis !== undefined) {
            response.pause()
            setTimeout(() => response.resume(), options.restMillis)
          }
        })
        response.on("end", () => finish("closed"))
        response.on("error", () => finish("closed"))
      }
    )
    const take = (frame: string) => {
      let id: string | undefined
      let name: string | undefined
      let data: string | undefined
      for (const line of frame.split("\n")) {
        if (line.startsWith("id: ")) id = line.slice(4)
        else if (line.startsWith("event: ")) name = line.slice(7)
        else if (line.startsWith("data: ")) data = line.slice(6)
      }
      if (data === undefined) return
      if (name === undefined) events.push({ id: id ?? "", data })
      else controls.push({ name, data, hasId: id !== undefined })
    }
    let finished = false
    const finish = (end: Attached["end"]) => {
      if (finished) return
      finished = true
      request.destroy()
      resume(Effect.succeed({ status, events, controls, bytes, end }))
    }
    request.on("error", (error) => {
      if (finished) return
      finished = true
      resume(Effect.fail(error))
    })
    return Effect.sync(() => request.destroy())
  })
