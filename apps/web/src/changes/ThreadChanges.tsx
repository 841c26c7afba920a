/** What a thread changed in its directory: the files of the whole thread or of one turn, the state of the repository. Read again when a turn ends. */
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { ThreadView, TurnView } from "@millrace/contracts/State"
import type { ChangedFile, Diff, GitSummary } from "@millrace/contracts/Workspace"
import { useCallback, useContext, useEffect, useLayoutEffect, useRef, useState } from "react"
import { get, text } from "../store/Http.ts"
import { useStore } from "../store/useStore.ts"
import { changesHref, go } from "../ui/Route.ts"
import { count } from "../ui/Time.ts"
import { AskRewind } from "../views/AskRewind.ts"
import { useFilesVersion } from "./Acts.ts"
import { ChangedFiles, Counts, openAtFirst } from "./ChangedFiles.tsx"
import "./changes.css"
import { chooseEditor, chosenEditor, editors, rootOf } from "./Editor.ts"
import { GitState } from "./GitState.tsx"
import { useRead } from "./useRead.ts"
import { pathsOf, WorkspaceActs } from "./WorkspaceActs.tsx"

const unified = (path: string) => text(path, "text/x-diff")

/** Counts how often this page became visible: a person may have changed files in another program meanwhile. */
const useReturns = (): number => {
  const [returns, setReturns] = useState(0)
  useEffect(() => {
    const onChange = () => {
      if (!document.hidden) setReturns((before) => before + 1)
    }
    document.addEventListener("visibilitychange", onChange)
    return () => document.removeEventListener("visibilitychange", onChange)
  }, [])
  return returns
}

/** The loaded turns of the thread that have begun, newest first. */
const useTurns = (threadId: ThreadId): ReadonlyArray<TurnView> => {
  const opened = useStore((state) => state.threads.get(threadId))
  if (opened?.state !== "ready") return []
  const { turnOrder, turns } = opened.transcript
  return turnOrder.flatMap((id) => turns.get(id)?.value ?? []).toReversed()
}

const titleOfTurn = ({ text }: TurnView): string => {
  const line = text.trim().split("\n", 1)[0] ?? ""
  if (line === "") return "A turn of the agent"
  return line.length > 60 ? `${line.slice(0, 59)}…` : line
}

/** Chooses the whole thread or one of its turns. */
const Scope = ({ threadId, turnId }: { readonly threadId: ThreadId; readonly turnId: TurnId | undefined }) => {
  const turns = useTurns(threadId).filter(({ startedAt }) => startedAt !== undefined)
  return (
    <select
      aria-label="Changes of"
      value={turnId ?? ""}
      onChange={({ target }) => go(changesHref(threadId, turns.find((turn) => turn.turnId === target.value)?.turnId))}
    >
      <option value="">The whole thread</option>
      {turnId !== undefined && turns.every((turn) => turn.turnId !== turnId) && <option value={turnId}>An earlier turn</option>}
      {turns.map((turn) => (
        <option key={turn.turnId} value={turn.turnId}>
          {titleOfTurn(turn)}
        </option>
      ))}
    </select>
  )
}

const sum = (files: ReadonlyArray<ChangedFile>, key: "additions" | "deletions") =>
  files.reduce((total, file) => total + file[key], 0)

const Notes = ({ late, truncated }: Diff) => (
  <>
    {truncated === true && <p className="cut">There are more changes than these. millrace diff shows them.</p>}
    {late === true && (
      <p className="cut">
        An agent worked here while the files were being stored. Changes of that time can be missing, or be those of another turn.
      </p>
    )}
  </>
)

/** The files whose difference is shown. A later answer opens and closes none. */
const useOpen = (path: string, files: ReadonlyArray<ChangedFile> | undefined) => {
  const [known, setKnown] = useState<{ readonly path: string; readonly open: ReadonlySet<string> }>()
  if (files !== undefined && known?.path !== path) setKnown({ path, open: openAtFirst(files) })
  const toggle = useCallback(
    (file: string) =>
      setKnown((before) => {
        const open = new Set(before?.open)
        if (!open.delete(file)) open.add(file)
        return { path, open }
      }),
    [path]
  )
  return { open: known?.path === path ? known.open : none, toggle }
}

const none: ReadonlySet<string> = new Set()

export const ThreadChanges = ({ thread, turnId }: { readonly thread: ThreadView; readonly turnId: TurnId | undefined }) => {
  const { cwd, projectId, threadId } = thread
  const projectCwd = useStore((state) => state.world?.projects[projectId]?.cwd)
  const isWorktree = projectCwd !== undefined && projectCwd !== cwd && !cwd.startsWith(`${projectCwd}/`)
  const heading = useRef<HTMLHeadingElement>(null)
  // The focus stays on a link of the header that opened this view.
  useLayoutEffect(() => {
    if (document.activeElement?.closest(".thread-head") === null) heading.current?.focus()
  }, [])
  const [asked, setAsked] = useState(0)
  const [editor, setEditor] = useState(chosenEditor)
  const version = `${useFilesVersion(threadId)}.${useReturns()}.${asked}`
  const base = `/api/threads/${threadId}`
  const path = turnId === undefined ? `${base}/diff` : `${base}/turns/${turnId}/diff`
  const askRewind = useContext(AskRewind)
  const git = useRead(`${base}/git`, version, get<GitSummary>)
  const diff = useRead(path, version, get<Diff>)
  const { open, toggle } = useOpen(path, diff.value?.files)
  const patch = useRead(open.size === 0 ? undefined : path, version, unified)
  const prefix = git.value?.prefix
  /** A file outside of the thread's directory cannot be discarded. */
  const discard = useCallback(
    (file: ChangedFile) => {
      const paths = pathsOf(file, prefix)
      if (paths.length === 0) return undefined
      return () => askRewind({ paths, ...(turnId !== undefined && { turnId }) })
    },
    [askRewind, prefix, turnId]
  )
  const files = diff.value?.files
  const isNoRepository = git.value?.repository === false
  const root = isNoRepository ? cwd : git.value === undefined ? undefined : rootOf(cwd, git.value.prefix)
  return (
    <section className="changes" aria-labelledby="changes-title" aria-busy={diff.busy || git.busy}>
      <div className="changes-page">
        <header>
          <h2 id="changes-title" ref={heading} tabIndex={-1}>
            Changes
          </h2>
          <Scope threadId={threadId} turnId={turnId} />
          <label className="editor">
            Open files in{" "}
            <select value={editor} onChange={({ target }) => setEditor(chooseEditor(target.value))}>
              {Object.entries(editors).map(([name, words]) => (
                <option key={name} value={name}>
                  {words}
                </option>
              ))}
            </select>
          </label>
          <button type="button" className="quiet" onClick={() => setAsked(asked + 1)}>
            Refresh
          </button>
        </header>
        <GitState git={git.value} thread={thread} isWorktree={isWorktree} />
        {git.value?.repository === true && (
          <WorkspaceActs thread={thread} git={git.value} isWorktree={isWorktree} files={files} />
        )}
        {git.error !== undefined && <p className="refusal">{git.error}</p>}
        {diff.error !== undefined && (
          <p className="refusal" role="alert">
            {diff.error}
          </p>
        )}
        {files === undefined && diff.error === undefined && (
          <p className="nothing" role="status">
            Comparing the files…
          </p>
        )}
        {files !== undefined && (
          <>
            <h3 role="status">
              {files.length === 0 ? "No file changed" : `${count(files.length, "file")} changed`}
              {files.length > 0 && <Counts additions={sum(files, "additions")} deletions={sum(files, "deletions")} />}
            </h3>
            {turnId !== undefined && turnId !== thread.activeTurnId && (
              <p>
                <button type="button" className="small" onClick={() => askRewind({ turnId, files: true, conversation: false })}>
                  Take back this turn…
                </button>
              </p>
            )}
            {diff.value !== undefined && <Notes {...diff.value} />}
            {patch.error !== undefined && <p className="refusal">{patch.error}</p>}
            <ChangedFiles
              files={files}
              patch={patch.value}
              open={open}
              onToggle={toggle}
              onDiscard={discard}
              editor={editor}
              root={root}
            />
          </>
        )}
      </div>
    </section>
  )
}
