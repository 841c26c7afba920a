/** What is no part of the log (access, processes) comes over HTTP, with the browser's session. */
const asked = async <A>(path: string, options?: RequestInit): Promise<A> => {
  const response = await fetch(path, options)
  const body: unknown = await response.json()
  if (response.ok) return body as A
  const message = typeof body === "object" && body !== null && "message" in body ? String(body.message) : `${response.status}`
  throw new Error(message)
}
export const get = <A>(path: string): Promise<A> => asked<A>(path)
export const post = <A>(path: string, body: unknown = {}): Promise<A> =>
  asked<A>(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) })
