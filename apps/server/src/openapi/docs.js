// The forms of /docs: sends a request with the session of the page or the given token, shows the answer, and copies a curl line.
const token = document.querySelector("#token")
const maxShown = 200_000

const requestOf = (form) => {
  const filled = (place) => [...form.querySelectorAll(`[data-in="${place}"]`)].filter(({ value }) => value !== "")
  const path = filled("path").reduce(
    (all, { name, value }) => all.replace(`{${name}}`, encodeURIComponent(value)),
    form.dataset.path
  )
  const query = new URLSearchParams(filled("query").map(({ name, value }) => [name, value])).toString()
  const headers = Object.fromEntries(filled("header").map(({ name, value }) => [name, value]))
  const body = form.querySelector("textarea")?.value
  if (body !== undefined) headers["content-type"] = "application/json"
  return { url: path + (query === "" ? "" : `?${query}`), method: form.dataset.method, headers, body }
}

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`
/** Without the token itself: the shell reads it from TOKEN. */
const curlOf = ({ body, headers, method, url }) =>
  [
    `curl -sS -X ${method} ${quoted(new URL(url, location.href).href)}`,
    ...(needsToken(url) ? [`-H "authorization: Bearer $TOKEN"`] : []),
    ...Object.entries(headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    ...(body === undefined ? [] : [`-d ${quoted(body)}`])
  ].join(" ")
const needsToken = (url) => /^\/(api\/|v1\/|metrics$|openapi\.json$)/.test(url)

const pretty = (text) => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}

/** Requests in flight by form, so that a second press of the button ends them. */
const running = new Map()

const send = async (form) => {
  const output = form.querySelector("output")
  const button = form.querySelector("button")
  const { url, ...request } = requestOf(form)
  const control = new AbortController()
  running.set(form, control)
  button.textContent = "Stop"
  output.textContent = "Sending …"
  let shown = ""
  try {
    const authorization = token.value === "" ? {} : { authorization: `Bearer ${token.value}` }
    const answer = await fetch(url, { ...request, headers: { ...request.headers, ...authorization }, signal: control.signal })
    const head = `${answer.status} ${answer.headers.get("content-type") ?? ""}\n\n`
    output.textContent = head
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
    for (let part = await reader.read(); !part.done && shown.length < maxShown; part = await reader.read()) {
      shown += part.value
      output.textContent = head + shown
    }
    output.textContent = head + pretty(shown)
    await reader.cancel()
  } catch (error) {
    if (control.signal.aborted) output.textContent += "\nStopped."
    else output.textContent = `No answer: ${error.message}`
  }
  running.delete(form)
  button.textContent = "Send"
}

for (const form of document.querySelectorAll("form[data-path]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault()
    const control = running.get(form)
    if (control === undefined) void send(form)
    else control.abort()
  })
  form.querySelector("[data-curl]").addEventListener("click", async () => {
    const line = curlOf(requestOf(form))
    form.querySelector("output").textContent = line
    await navigator.clipboard?.writeText(line).catch(() => {})
  })
}

/** A link to an operation or a schema opens it. */
const open = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)))
  if (target instanceof HTMLDetailsElement) target.open = true
  target?.scrollIntoView()
}
addEventListener("hashchange", open)
open()
