/** The field of a prompt, over its draft. It grows with its text. Enter sends, Shift+Enter inserts a line; files are pasted, dropped or chosen. */
import { useLayoutEffect, useRef, type ReactNode } from "react"
import { DraftFiles } from "../attach/DraftFiles.tsx"
import { attach, canSend, write } from "../attach/Drafts.ts"
import { pasted } from "../attach/Transfer.ts"
import { useDraft } from "../attach/useDraft.ts"
import { useDrop } from "../attach/useDrop.ts"
import { Icon } from "../ui/Icon.tsx"
import { type Completion, type SlashCommand, useSlash } from "./useSlash.tsx"

const none: ReadonlyArray<SlashCommand> = []

export const Prompt = (props: {
  readonly draftKey: string
  readonly onSend: () => void
  readonly busy: boolean
  readonly placeholder: string
  readonly sendLabel: string
  /** The name of the field; default: Prompt. */
  readonly label?: string
  /** The prompt of the whole view: it has the focus at first, and gets the files that are dropped on the page. */
  readonly isMain?: boolean
  /** Slash commands of the agent that gets the prompt. */
  readonly commands?: ReadonlyArray<SlashCommand> | undefined
  /** Another list of completions, and what it needs to know: the field after a change of its text or its selection. */
  readonly mention?: Completion & { readonly onSelect: (field: HTMLTextAreaElement) => void }
  readonly onEscape?: () => void
  readonly children?: ReactNode
}) => {
  const { draftKey, mention } = props
  const draft = useDraft(draftKey)
  const slash = useSlash(draftKey, draft.text, props.commands ?? none)
  const area = useRef<HTMLTextAreaElement>(null)
  const picker = useRef<HTMLInputElement>(null)
  const isOver = useDrop(props.isMain === true ? draftKey : undefined)
  const isReady = canSend(draft) && !props.busy
  const isUploading = draft.attached.some(({ state }) => state === "uploading")
  useLayoutEffect(() => {
    const node = area.current
    if (node === null) return
    node.style.height = "auto"
    node.style.height = `${Math.min(node.scrollHeight + 2, window.innerHeight * 0.4)}px`
  }, [draft.text])
  // No focus on a phone: its keyboard would cover the page.
  const focus = props.isMain === true && matchMedia("(pointer: fine)").matches
  return (
    <form
      className={isOver ? "prompt over" : "prompt"}
      onSubmit={(event) => {
        event.preventDefault()
        if (isReady) props.onSend()
      }}
    >
      <DraftFiles draft={draft} draftKey={draftKey} />
      {slash.list}
      {mention?.list}
      <textarea
        {...slash.field}
        {...mention?.field}
        ref={area}
        rows={2}
        aria-label={props.label ?? "Prompt"}
        placeholder={isOver ? "Drop the files here" : props.placeholder}
        autoFocus={focus}
        value={draft.text}
        onChange={({ target }) => {
          write(draftKey, target.value)
          mention?.onSelect(target)
        }}
        onSelect={({ currentTarget }) => mention?.onSelect(currentTarget)}
        onPaste={(event) => {
          const files = pasted(event.clipboardData)
          if (files.length === 0) return
          event.preventDefault()
          attach(draftKey, files)
        }}
        onKeyDown={(event) => {
          if (slash.onKeyDown(event) || mention?.onKeyDown(event) === true) return
          if (event.key === "Escape") props.onEscape?.()
          if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return
          event.preventDefault()
          event.currentTarget.form?.requestSubmit()
        }}
      />
      <div className="prompt-actions">
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          onChange={({ target }) => {
            attach(draftKey, Array.from(target.files ?? []))
            // The same file can be chosen again.
            target.value = ""
          }}
        />
        <button
          type="button"
          className="quiet icon-only attach"
          aria-label="Attach files"
          title="Attach files: choose, paste or drop them"
          onClick={() => picker.current?.click()}
        >
          <Icon name="attach" />
        </button>
        {props.children}
        <button
          type="submit"
          className="primary"
          disabled={!isReady}
          aria-label={props.sendLabel}
          title={isUploading ? "The attachments are still uploading" : `${props.sendLabel} (Enter)`}
        >
          <Icon name="send" />
          <span>{props.sendLabel}</span>
        </button>
      </div>
    </form>
  )
}
