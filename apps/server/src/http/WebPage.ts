/** The script and the style of `GET /`, as they are sent: text in the program, so that the bundle is one file. */

export const style = `:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); --soft: color-mix(in srgb, currentColor 6%, transparent); --accent: #2f7fb8 }
* { box-sizing: border-box }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif; height: 100vh; display: flex; flex-direction: column }
header { display: flex; gap: 1rem; align-items: baseline; padding: .6rem 1rem; border-bottom: 1px solid var(--line) }
h1 { font-size: 1.1rem; margin: 0 } h2 { font-size: .95rem; margin: 0 0 .5rem }
#status { flex: 1; opacity: .7 }
#notice { padding: .5rem 1rem; background: #b3552233; border-bottom: 1px solid var(--line) }
.columns { flex: 1; display: grid; grid-template-columns: minmax(12rem, 18rem) 1fr; min-height: 0 }
nav { border-right: 1px solid var(--line); padding: 1rem; overflow: auto }
nav ul { list-style: none; padding: 0; margin: 0 }
nav button { width: 100%; text-align: left; border: 0; background: none; padding: .35rem .5rem; border-radius: .4rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
nav button[aria-current] { background: var(--soft) }
nav small { opacity: .6; margin-left: .4rem }
main { display: flex; flex-direction: column; padding: 1rem; min-height: 0; min-width: 0 }
main.docs { display: block; max-width: 60rem; margin: 0 auto; overflow: visible }
#items { flex: 1; overflow: auto; list-style: none; margin: 0; padding: 0 }
#items li { margin: 0 0 .6rem; padding: .5rem .75rem; border-radius: .5rem; background: var(--soft); white-space: pre-wrap; overflow-wrap: anywhere }
#items li[data-kind="user-message"] { border-left: 3px solid var(--accent) }
#items li[data-kind="command"], #items li[data-kind="file-change"] { font-family: ui-monospace, monospace; font-size: .85rem }
#items li[data-kind="reasoning"], #items li.event { opacity: .65; font-size: .85rem }
#items small { display: block; opacity: .6; font: .75rem system-ui }
.request { border: 1px solid var(--accent); border-radius: .5rem; padding: .6rem .8rem; margin-bottom: .6rem }
.request p { margin: 0 0 .4rem; white-space: pre-wrap }
button, input, select, textarea { font: inherit; color: inherit }
button, select { cursor: pointer; border: 1px solid var(--line); background: var(--soft); border-radius: .4rem; padding: .25rem .8rem; margin-right: .4rem }
textarea, input { width: 100%; padding: .5rem; border: 1px solid var(--line); border-radius: .4rem; background: transparent; margin-bottom: .4rem }
pre { overflow: auto; background: var(--soft); padding: .6rem; border-radius: .4rem } details { margin: .3rem 0 }
@media (max-width: 40rem) { .columns { grid-template-columns: 1fr; grid-template-rows: auto 1fr } nav { max-height: 9rem; border-right: 0 } }
`

export const script = `const $ = (id) => document.getElementById(id)
const make = (tag, text, attributes = {}) => {
  const node = document.createElement(tag)
  if (text !== undefined) node.textContent = text
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value)
  return node
}
/** Not randomUUID: it is missing where the page comes from another machine without TLS. */
const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("")
const notice = (text) => { $("notice").textContent = text ?? ""; $("notice").hidden = !text }

const call = async (path, body) => {
  const response = await fetch(path, body === undefined ? {} : {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": newId() },
    body: JSON.stringify(body)
  })
  const answer = await response.json()
  if (!response.ok) {
    notice(response.status === 401 ? "This browser is not paired. Run \\"millrace pair\\" and open the link it prints." : answer.message)
    throw new Error(answer.message)
  }
  notice()
  return answer
}

let current = location.hash.slice(1) || undefined
let items = new Map(), threads = new Map()
let loading, pending = []

const statuses = { idle: "", queued: "queued", running: "working", "needs-you": "needs you", failed: "failed" }
const showThreads = () => {
  $("threads").replaceChildren(...[...threads.values()].map((thread) => {
    const button = make("button", thread.title || thread.threadId)
    if (thread.threadId === current) button.setAttribute("aria-current", "true")
    button.append(make("small", statuses[thread.status]))
    button.onclick = () => open(thread.threadId)
    const row = make("li"); row.append(button); return row
  }))
  $("empty").hidden = threads.size > 0
  const thread = threads.get(current)
  $("title").textContent = thread ? thread.title || thread.threadId : "New thread"
  $("stop").hidden = !thread?.activeTurnId
  $("provider").hidden = thread !== undefined
}

const decide = (request, answer) => call("/api/requests/" + request.requestId + "/answer", answer)
const showRequests = (requests) => {
  $("requests").replaceChildren(...requests.filter((one) => one.threadId === current).map((request) => {
    const box = make("div", undefined, { class: "request" })
    const { ask } = request
    box.append(make("p", [ask.title, ask.title.includes(ask.command) ? "" : ask.command, ask.reason].filter(Boolean).join("\\n")))
    if (ask.kind === "approval") {
      for (const choice of ask.choices) {
        const button = make("button", choice.replaceAll("-", " "))
        button.onclick = () => decide(request, { decision: choice })
        box.append(button)
      }
      return box
    }
    const form = make("form"), fields = []
    for (const question of ask.questions) {
      const input = make("input", undefined, { "aria-label": question.text, placeholder: question.text, type: question.secret ? "password" : "text" })
      fields.push([question.id, input])
      form.append(make("label", question.text), input)
      for (const option of question.options ?? []) {
        const button = make("button", option.label, { type: "button", title: option.description ?? "" })
        button.onclick = () => { input.value = option.label }
        form.append(button)
      }
    }
    form.append(make("button", "Answer"))
    form.onsubmit = (event) => {
      event.preventDefault()
      decide(request, { answers: Object.fromEntries(fields.map(([id, input]) => [id, [input.value]])) })
    }
    box.append(form)
    return box
  }))
}

let asked = false, again = false
const refresh = async () => {
  if (asked) { again = true; return }
  asked = true
  try {
    const state = await call("/api/state")
    threads = new Map(state.threads.map((thread) => [thread.threadId, thread]))
    showThreads(); showRequests(state.requests)
    return state
  } finally {
    asked = false
    if (again) { again = false; setTimeout(refresh, 200) }
  }
}

const line = (id, kind) => {
  let node = items.get(id)
  if (node === undefined) {
    node = make("li", undefined, { "data-kind": kind })
    node.append(make("small", kind.replaceAll("-", " ")), make("span"))
    items.set(id, node); $("items").append(node)
  }
  return node
}
const text = (data) => [data.title, data.command && "$ " + data.command, data.steps ? "" : data.text, data.output, data.tool,
  ...(data.steps ?? []).map((step) => (step.status === "completed" ? "[x] " : "[ ] ") + step.text),
  ...(data.changes ?? []).map((change) => change.change + " " + change.path)].filter(Boolean).join("\\n")
const show = ({ type, data }) => {
  const bottom = $("items").scrollHeight - $("items").scrollTop - $("items").clientHeight < 80
  if (type === "item.started" || type === "item.completed" || type === "item.amended") line(data.itemId, data.kind).lastChild.textContent = text(data)
  else if (type === "item.delta") line(data.itemId, data.kind).lastChild.textContent += data.text
  else if (type === "turn.failed" || type === "turn.interrupted")
    $("items").append(make("li", type.slice(5) + ": " + (data.error?.message ?? data.reason ?? ""), { class: "event" }))
  if (bottom) $("items").scrollTop = $("items").scrollHeight
}

/** A thread's history by pages; what comes live meanwhile is shown after it, once. */
const open = async (threadId) => {
  const mine = loading = Symbol()
  pending = []; items = new Map(); $("items").replaceChildren(); $("requests").replaceChildren()
  current = threadId
  history.replaceState(null, "", threadId ? "#" + threadId : location.pathname)
  showThreads(); refresh()
  for (let since = 0; threadId !== undefined;) {
    const response = await fetch("/api/events?stream=thread/" + threadId + "&since=" + since)
    const page = await response.json()
    if (loading !== mine) return
    if (!response.ok) return notice(page.message)
    for (const event of page) show(event)
    since = Number(response.headers.get("x-millrace-last-idx"))
    if (page.length > 0) continue
    for (const event of pending) if (event.offset > since) show(event)
    break
  }
  loading = undefined
}

const follow = (cursor) => {
  const all = new EventSource("/api/events?after=" + cursor)
  const says = (word) => () => { $("status").textContent = word }
  let renewing = false
  all.onopen = says("live")
  all.onerror = () => {
    if (all.readyState === EventSource.CLOSED) says("ended: reload this page")()
    else if (!renewing) says("reconnecting")()
    renewing = false
  }
  all.addEventListener("bye", ({ data }) => {
    renewing = JSON.parse(data).reason === "lease"
    if (!renewing) says("the server is shutting down")()
  })
  all.onmessage = ({ data }) => {
    const event = JSON.parse(data)
    if (event.type !== "item.delta") refresh()
    if (event.stream !== "thread/" + current) return
    if (loading) pending.push(event)
    else show(event)
  }
}

$("prompt").onsubmit = async (event) => {
  event.preventDefault()
  const prompt = $("text").value.trim()
  if (!prompt) return
  $("send").disabled = true
  try {
    if (current) await call("/api/threads/" + current + "/turns", { text: prompt })
    else open((await call("/api/threads", { provider: $("provider").value, title: prompt.slice(0, 60), turn: { text: prompt } })).threadId)
    $("text").value = ""
  } finally { $("send").disabled = false }
}
$("text").onkeydown = (event) => { if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); $("prompt").requestSubmit() } }
$("stop").onclick = () => call("/api/threads/" + current + "/interrupt", {})
$("new").onclick = () => { open(undefined); $("text").focus() }

for (const { provider, installed } of await call("/api/providers").catch(() => []))
  if (installed) $("provider").append(make("option", provider, provider === "demo" ? { selected: "" } : {}))
const state = await refresh().catch(() => undefined)
if (state) { follow(state.logEpoch + "-" + state.offset); open(current) }
`
