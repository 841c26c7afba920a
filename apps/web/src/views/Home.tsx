/** A new thread, and the board of all others. For a newcomer: an introduction, and prompts for the demo agent. */
import { cut } from "@millrace/contracts/Text"
import { useEffect, useMemo, useState } from "react"
import type { ThreadId } from "@millrace/contracts/Ids"
import { type Content, contentOf, discard, draftOf, given } from "../attach/Drafts.ts"
import { useAction } from "../ui/Action.tsx"
import { part } from "../ui/Part.tsx"
import { go, threadHref } from "../ui/Route.ts"
import { link } from "../store/Store.ts"
import { useStore } from "../store/useStore.ts"
import { Prompt } from "./Prompt.tsx"

const Board = part(async () => (await import("./Board.tsx")).Board)

/** The draft of the prompt of a new thread. */
const draftKey = "new"

const demos = [
  { label: "Say hello", text: "hello" },
  {
    label: "Ask before a command",
    text: "[[think The person wants to see an approval.]] [[run echo it runs]] [[say Done: the command ran with your approval.]]"
  },
  { label: "Make a plan", text: "[[plan Look around; Change one line; Run the tests]] [[say A plan is a separate item.]]" },
  { label: "Ask a question", text: "[[ask Which colour is the water?]] [[say Thank you.]]" }
]

/** The prompt as a title: without the demo agent's directives, on one line, at most 70 characters, cut at a word. */
const titleFor = (text: string) => {
  const line = text
    .replace(/\[\[\w+|\]\]/g, " ")
    .replace(/\s+/g, " ")
    .trim()
  return line.length <= 70 ? line || "New thread" : `${cut(line, 70).replace(/\s\S*$/, "")}…`
}

export const Home = () => {
  const providers = useStore((state) => state.providers)
  const projects = useStore((state) => state.world?.projects)
  const threads = useStore((state) => state.world?.threads)
  const [provider, setProvider] = useState<string>()
  const [cwd, setCwd] = useState<string>()
  const [model, setModel] = useState("")
  const action = useAction()
  const folders = useMemo(
    () => Object.values(projects ?? {}).toSorted((a, b) => b.createdAt.localeCompare(a.createdAt)),
    [projects]
  )
  const usable = (providers ?? []).filter(({ installed }) => installed)
  const chosen =
    provider ?? (usable.find((one) => one.provider !== "demo" && one.signedIn === "yes") ?? usable[0])?.provider ?? "demo"
  const status = providers?.find((one) => one.provider === chosen)
  const isNew = Object.values(threads ?? {}).every(({ archived }) => archived)
  useEffect(() => {
    if (cwd === undefined && folders[0] !== undefined) setCwd(folders[0].cwd)
  }, [cwd, folders])

  const begin = ({ attachments, text }: Content, agent: string) =>
    action.run(async () => {
      const { threadId } = await link.send("thread.create", {
        provider: agent,
        ...(model.trim() !== "" && agent !== "demo" && { model: model.trim() }),
        ...(cwd !== undefined && cwd.trim() !== "" && { cwd: cwd.trim() }),
        title: titleFor(text.trim() === "" ? (attachments[0]?.name ?? "") : text),
        turn: { text, ...given(attachments) }
      })
      go(threadHref(threadId as ThreadId))
    })

  return (
    <div className="page home">
      <div className="hero">
        <span className="water" aria-hidden="true" />
        <h1>{isNew ? "Welcome to Millrace" : "New thread"}</h1>
        {isNew && (
          <p>
            Agents run here, and everything they do is one ordered log. Ask the demo agent something: it needs no account. Close
            the page, come back, use another device: nothing is lost.
          </p>
        )}
      </div>
      <div className="composer-card">
        <Prompt
          draftKey={draftKey}
          onSend={() =>
            void begin(contentOf(draftOf(draftKey)), chosen).then((isSent) => {
              if (isSent) discard(draftKey)
            })
          }
          busy={action.busy}
          placeholder={isNew ? "Ask the demo agent: hello" : "What should the agent do?"}
          sendLabel="Start"
          commands={status?.commands}
          isMain
        />
        <div className="fields">
          <label>
            Agent
            <select value={chosen} onChange={(event) => setProvider(event.target.value)}>
              {providers === undefined && <option>{chosen}</option>}
              {(providers ?? []).map((one) => (
                <option key={one.provider} value={one.provider} disabled={!one.installed}>
                  {one.provider}
                  {one.installed ? (one.signedIn === "no" ? " (not signed in)" : "") : " (not installed)"}
                </option>
              ))}
            </select>
          </label>
          <label className="grow">
            Directory
            <input
              list="folders"
              value={cwd ?? ""}
              placeholder="default: the server's directory"
              onChange={(event) => setCwd(event.target.value)}
            />
            <datalist id="folders">
              {folders.map((project) => (
                <option key={project.projectId} value={project.cwd} />
              ))}
            </datalist>
          </label>
          {chosen !== "demo" && (
            <label>
              Model
              <input value={model} placeholder="default: the agent's choice" onChange={(event) => setModel(event.target.value)} />
            </label>
          )}
        </div>
        {status?.fix !== undefined && (status.signedIn === "no" || !status.installed) && <p className="fix">{status.fix}</p>}
        {action.error !== undefined && (
          <p className="refusal" role="alert">
            {action.error}
          </p>
        )}
      </div>
      {!isNew && <Board />}
      <section className="tries" aria-label="Try the demo agent">
        <h2>Try the demo agent</h2>
        <div>
          {demos.map((demo) => (
            <button
              key={demo.label}
              type="button"
              className="try"
              disabled={action.busy}
              onClick={() => void begin({ text: demo.text, attachments: [] }, "demo")}
            >
              {demo.label}
            </button>
          ))}
        </div>
      </section>
    </div>
  )
}
