/** One request on a bare connection without a time limit, so a request without an answer waits indefinitely. Independent of `fetch`, which has time limits. */
import { Effect } from "effect"
import { get as request, type IncomingHttpHeaders } from "node:http"

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export const get = (url: string, token: string): Effect.Effect<Answer, Error> =>
  Effect.async((resume) => {
    const fail = (error: Error) => resume(Effect.fail(error))
    const asked = request(url, { headers: { authorization: `Bearer ${token}` }, agent: false }, (response) => {
      let body = ""
      response.setEncoding("utf8")
      response.on("data", (text: string) => {
        body += text
      })
      response.on("end", () => resume(Effect.succeed({ status: response.statusCode ?? 0, headers: response.headers, body })))
      response.on("error", fail)
    })
    asked.on("error", fail)
    return Effect.sync(() => asked.destroy())
  })
