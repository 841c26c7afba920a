/**
 * Answers approval requests by a rule, without a person: accepts the commands that you name, declines every other one.
 *
 *   MILLRACE_TOKEN=$(millrace token create bot) node examples/bot.mjs ls 'git status'
 *
 * An argument is a command, which may have further arguments. A command line that a shell would read as more than one command is declined.
 * Questions are left for a person. After a disconnect the bot resumes after the last event that it handled. Needs Node 20, no packages.
 */
const url = (process.env.MILLRACE_URL ?? "http://127.0.0.1:7717").replace(/\/+$/, "")
const token = process.env.MILLRACE_TOKEN
if (!token) {
  console.error("Set MILLRACE_TOKEN: millrace token create bot")
  process.exit(1)
}
const allowed = process.argv.slice(2)
/** The server sends a heartbeat every 15 seconds. A connection that is silent for longer than this is lost. */
const silence = 45_000

const isPlain = (command) => /^[\w ./=:@,+-]+$/.test(command)
const isAllowed = (command) =>
  isPlain(command) && allowed.some((prefix) => command === prefix || command.startsWith(`${prefix} `))

const request = (path, { headers, ...init } = {}) =>
  fetch(`${url}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers }
  })

/** A failure that a retry would repeat. It ends the bot; every other failure is retried. */
class Refused extends Error {}
const checked = async (response) => {
  if (response.ok) return response
  const text = `${response.status}: ${await response.text()}`
  throw [429, 502, 503, 504].includes(response.status) ? new Error(text) : new Refused(text)
}

/** Answers a request. Each retry has the same Idempotency-Key, so the answer is accepted once. A request that another client answered does not change. */
const answer = async ({ command, kind, requestId, title }) => {
  if (kind !== "approval") return
  const decision = command !== undefined && isAllowed(command) ? "accept" : "decline"
  const response = await request(`/api/requests/${requestId}/answer`, {
    method: "POST",
    headers: { "idempotency-key": `bot-${requestId}` },
    body: JSON.stringify({ decision })
  })
  // 422: the request has ended, or does not offer this decision.
  if (response.status === 422) return console.log(`${requestId} left: ${(await response.json()).message}`)
  const { outcome } = await (await checked(response)).json()
  console.log(`${requestId} ${outcome === "answered" ? decision : outcome}: ${title}`)
}

/** The complete frames of an event stream. */
const frames = async function* (body, onBytes) {
  const decoder = new TextDecoder()
  let rest = ""
  for await (const bytes of body) {
    onBytes()
    rest += decoder.decode(bytes, { stream: true })
    const blocks = rest.split("\n\n")
    rest = blocks.pop()
    for (const block of blocks)
      yield Object.fromEntries(
        block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)])
      )
  }
}

/** Answers the requests that are open now. Returns the cursor to follow from. */
const catchUp = async () => {
  const { logEpoch, offset, requests } = await (await checked(await request("/api/state"))).json()
  for (const { ask, requestId } of requests) await answer({ ...ask, requestId })
  return `${logEpoch}-${offset}`
}

const followOnce = async (cursor, onHandled) => {
  const lost = new AbortController()
  const watchdog = setTimeout(() => lost.abort(new Error("no heartbeat")), silence)
  try {
    const response = await request("/api/events?types=request.opened", {
      signal: lost.signal,
      headers: { accept: "text/event-stream", "last-event-id": cursor }
    })
    // The log was restored or trimmed, so the cursor is invalid.
    if (response.status === 409 || response.status === 410) return onHandled(undefined)
    for await (const frame of frames((await checked(response)).body, () => watchdog.refresh())) {
      if (frame.event === "caught-up") console.log("watching")
      // Only events have an id.
      if (frame.id === undefined) continue
      const { data } = JSON.parse(frame.data)
      // If the request has a `rule`, an approval rule has answered it.
      if (data.rule === undefined) await answer(data)
      onHandled(frame.id)
    }
  } finally {
    clearTimeout(watchdog)
  }
}

let cursor
for (;;) {
  try {
    cursor ??= await catchUp()
    await followOnce(cursor, (handled) => (cursor = handled))
  } catch (error) {
    if (error instanceof Refused) throw error
    console.error(`Reconnecting: ${error.cause?.message ?? error.message}`)
  }
  await new Promise((resolve) => setTimeout(resolve, 1000))
}
