/** Requests over HTTP, with the browser's session, for data that is not in the log (access, processes). */
const deadlineMillis = 30_000
const unanswered = `The server did not answer within ${deadlineMillis / 1_000} s. Check that it runs, then load the page again.`

/** Returns the decoded JSON response. `signal` aborts the request and the reading of its body; default: after 30 s. */
export const request = async <A>(
  path: string,
  options: RequestInit = {},
  signal: AbortSignal = AbortSignal.timeout(deadlineMillis)
): Promise<A> => {
  try {
    const response = await fetch(path, { ...options, signal })
    const body: unknown = await response.json()
    if (response.ok) return body as A
    const message = typeof body === "object" && body !== null && "message" in body ? String(body.message) : `${response.status}`
    throw new Error(message)
  } catch (cause) {
    throw signal.aborted ? new Error(unanswered, { cause }) : cause
  }
}
export const get = <A>(path: string): Promise<A> => request<A>(path)
export const post = <A>(path: string, body: unknown = {}): Promise<A> =>
  request<A>(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) })
