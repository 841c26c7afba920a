/**
 * A typed client. `npx openapi-typescript $MILLRACE_URL/openapi.json -o millrace-api.d.ts` makes the types; `openapi-fetch` uses them.
 *
 *   npx tsx examples/typed.ts CODE '[[say hello]]'
 *
 * CODE is the code of a link that `millrace pair` prints; it is exchanged for a token. Prints what the agent writes, until the turn has ended.
 */
import createClient from "openapi-fetch"
import type { components, paths } from "./millrace-api.d.ts"

const baseUrl = process.env["MILLRACE_URL"] ?? "http://127.0.0.1:7717"
const [code = "", text = "[[say hello]]"] = process.argv.slice(2)

/** The data of a response. Throws the error of the API. */
const dataOf = <T>({ data, error }: { readonly data?: T; readonly error?: unknown }): T => {
  if (data === undefined) throw new Error(JSON.stringify(error))
  return data
}

const unpaired = createClient<paths, "application/json">({ baseUrl })
const { token } = dataOf(await unpaired.POST("/pair", { body: { code, name: "typed example" } }))
const api = createClient<paths, "application/json">({ baseUrl, headers: { authorization: `Bearer ${token}` } })

/** Prints an event. Returns whether the turn has ended. */
const handle = (event: components["schemas"]["Event"]): boolean => {
  if (event.type === "item.completed" && event.data.kind === "agent-message") console.log(event.data.text)
  if (event.type === "request.opened") console.log(`Answer this on the page: ${event.data.title}`)
  if (event.type === "turn.failed") console.error(event.data.error.message)
  return event.type === "turn.completed" || event.type === "turn.failed" || event.type === "turn.interrupted"
}

const newThread = { provider: "demo", cwd: process.cwd(), turn: { text } }
const { cursor, threadId } = dataOf(await api.POST("/api/threads", { body: newThread }))
for (let after = cursor, ended = false; !ended;) {
  const query = { after, stream: `thread/${threadId}`, wait: 30 }
  const page = await api.GET("/api/events", { params: { query } })
  ended = dataOf(page).map(handle).includes(true)
  after = page.response.headers.get("x-millrace-cursor") ?? after
}
