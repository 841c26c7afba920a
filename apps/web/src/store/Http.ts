/** Requests over HTTP, with the browser's session, for data that is not in the log (access, processes). */
const deadlineMillis = 30_000
const unanswered = `The server did not answer within ${deadlineMillis / 1_000} s. Check that it runs, then load the page again.`

/** The message of an error response; its status if it has none. */
export const messageOf = (status: number, body: unknown): string =>
  typeof body === "object" && body !== null && "message" in body ? String(body.message) : `${status}`

/** Returns what `read` makes of the response. Throws the message of an error. */
const requested = async <A>(
  path: string,
  options: RequestInit,
  signal: AbortSignal,
  read: (response: Response) => Promise<A>
): Promise<A> => {
  try {
    const response = await fetch(path, { ...options, signal })
    if (response.ok) return await read(response)
    const body: unknown = await response.json()
    throw new Error(messageOf(response.status, body))
  } catch (cause) {
    throw signal.aborted ? new Error(unanswered, { cause }) : cause
  }
}
/** Returns the decoded JSON response. `signal` aborts the request and the reading of its body; default: after 30 s. */
export const request = <A>(
  path: string,
  options: RequestInit = {},
  signal: AbortSignal = AbortSignal.timeout(deadlineMillis)
): Promise<A> => requested(path, options, signal, (response) => response.json() as Promise<A>)
/** Returns the response as text. `accept`: its media type. */
export const text = (path: string, accept = "*/*"): Promise<string> =>
  requested(path, { headers: { accept } }, AbortSignal.timeout(deadlineMillis), (response) => response.text())
export const get = <A>(path: string): Promise<A> => request<A>(path)
export const post = <A>(path: string, body: unknown = {}): Promise<A> =>
  request<A>(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) })
