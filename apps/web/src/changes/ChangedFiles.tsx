/** The changed files, each with its counts; a press shows its difference. */
import type { ChangedFile } from "@millrace/contracts/Workspace"
import { memo, useId, useMemo, useRef, useState } from "react"
import { firstLine, headerOf, parts, readable } from "../text/Patch.ts"
import { Copy } from "../ui/Copy.tsx"
import { Icon } from "../ui/Icon.tsx"
import { DiffTable } from "../views/Diff.tsx"
import { type Editor, editorHref, editors } from "./Editor.ts"

/** Up to this many files, and lines of them together, are opened at the start. */
const openFiles = 4
const openLines = 300
/** Maximum number of files shown before the button "Show all". */
const maxFiles = 300

export const Counts = ({ additions, deletions }: Pick<ChangedFile, "additions" | "deletions">) => (
  <span className="counts">
    <span className="added">
      <span aria-hidden="true">+{additions.toLocaleString("en")}</span>
      <span className="unseen">{additions} lines added, </span>
    </span>{" "}
    <span className="removed">
      <span aria-hidden="true">−{deletions.toLocaleString("en")}</span>
      <span className="unseen">{deletions} removed</span>
    </span>
  </span>
)

/** `part`: of the unified diff; `undefined` while it is read, `""` if it has none for this file. */
const Difference = ({ file, part }: { readonly file: ChangedFile; readonly part: string | undefined }) => {
  if (part === undefined)
    return (
      <p className="nothing" role="status">
        Reading the difference…
      </p>
    )
  if (file.binary) return <p className="nothing">This file is not text, so its difference is not shown.</p>
  const text = readable(part)
  if (text.trim() !== "") return <DiffTable diff={text} label={`Difference of ${file.path}`} />
  return (
    <p className="nothing">
      {part === ""
        ? "The difference is not in the server's answer, which is at most 8 MiB. Use millrace diff."
        : file.status === "renamed"
          ? "Renamed, with the same content."
          : "The file is empty."}
    </p>
  )
}

interface FileProps {
  readonly file: ChangedFile
  readonly part: string | undefined
  readonly isOpen: boolean
  readonly onToggle: (path: string) => void
  /** What discards the file's changes; `undefined` if it cannot be. */
  readonly onDiscard: (file: ChangedFile) => (() => void) | undefined
  readonly editor: Editor
  /** The work tree's root on the server. `undefined`: not known. */
  readonly root: string | undefined
}

const File = memo(({ editor, file, isOpen, onDiscard, onToggle, part, root }: FileProps) => {
  const id = useId()
  const { oldPath, path, status } = file
  const discard = onDiscard(file)
  return (
    <li className="changed" data-path={path}>
      <div className="changed-head">
        <button type="button" className="quiet" aria-expanded={isOpen} aria-controls={id} onClick={() => onToggle(path)}>
          <Icon name={isOpen ? "up" : "down"} />
          <b className={status}>{status}</b>
          <span className="path">
            {oldPath !== undefined && `${oldPath} → `}
            {path}
          </span>
          {file.binary ? <span className="counts">binary</span> : <Counts {...file} />}
        </button>
        <Copy text={path} label="Copy the path" />
        {root !== undefined && status !== "deleted" && (
          <a
            className="button quiet small"
            href={editorHref(editor, `${root}/${path}`, part === undefined ? undefined : firstLine(part))}
            aria-label={`Open ${path} in ${editors[editor]}`}
            title={`Open in ${editors[editor]}`}
          >
            <Icon name="edit" />
            <span>{editors[editor]}</span>
          </a>
        )}
      </div>
      <div id={id}>
        {isOpen && (
          <>
            <Difference file={file} part={part} />
            {discard !== undefined && (
              <p className="changed-acts">
                <button type="button" className="quiet small" onClick={discard} aria-label={`Discard this file… ${path}`}>
                  Discard this file…
                </button>
              </p>
            )}
          </>
        )}
      </div>
    </li>
  )
})

interface ListProps extends Pick<FileProps, "editor" | "root" | "onDiscard"> {
  readonly files: ReadonlyArray<ChangedFile>
  /** The unified diff; `undefined` until it is read. */
  readonly patch: string | undefined
  /** A file was opened, so the unified diff is needed. */
  readonly open: ReadonlySet<string>
  readonly onToggle: (path: string) => void
}

/** The files that are open at the start: all, if they are few and short. */
export const openAtFirst = (files: ReadonlyArray<ChangedFile>): ReadonlySet<string> => {
  const lines = files.reduce((sum, { additions, deletions }) => sum + additions + deletions, 0)
  return new Set(files.length <= openFiles && lines <= openLines ? files.map(({ path }) => path) : [])
}

export const ChangedFiles = ({ editor, files, onDiscard, onToggle, open, patch, root }: ListProps) => {
  const [all, setAll] = useState(false)
  const list = useRef<HTMLUListElement>(null)
  const byHeader = useMemo(() => (patch === undefined ? undefined : parts(patch)), [patch])
  const shown = all ? files : files.slice(0, maxFiles)
  return (
    <>
      <ul ref={list} tabIndex={-1} className="changed-files" aria-label="Files changed">
        {shown.map((file) => (
          <File
            key={file.path}
            file={file}
            part={byHeader === undefined ? undefined : (byHeader.get(headerOf(file)) ?? "")}
            isOpen={open.has(file.path)}
            onToggle={onToggle}
            onDiscard={onDiscard}
            editor={editor}
            root={root}
          />
        ))}
      </ul>
      {shown.length < files.length && (
        <button
          type="button"
          className="quiet"
          onClick={() => {
            setAll(true)
            // The button leaves the page with the focus.
            list.current?.focus({ preventScroll: true })
          }}
        >
          Show all {files.length.toLocaleString("en")} files
        </button>
      )}
    </>
  )
}
