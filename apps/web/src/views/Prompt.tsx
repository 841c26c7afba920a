/** The text field of a prompt. It grows with its text. Enter sends, Shift+Enter inserts a line. */
import { useLayoutEffect, useRef, type ReactNode } from "react"
import { Icon } from "../ui/Icon.tsx"

export const Prompt = (props: {
  readonly value: string
  readonly onChange: (text: string) => void
  readonly onSend: () => void
  readonly busy: boolean
  readonly placeholder: string
  readonly sendLabel: string
  readonly autoFocus?: boolean
  readonly children?: ReactNode
}) => {
  const area = useRef<HTMLTextAreaElement>(null)
  const empty = props.value.trim() === ""
  useLayoutEffect(() => {
    const node = area.current
    if (node === null) return
    node.style.height = "auto"
    node.style.height = `${Math.min(node.scrollHeight + 2, window.innerHeight * 0.4)}px`
  }, [props.value])
  // No focus on a phone: its keyboard would cover the page.
  const focus = props.autoFocus === true && matchMedia("(pointer: fine)").matches
  return (
    <form
      className="prompt"
      onSubmit={(event) => {
        event.preventDefault()
        if (!empty && !props.busy) props.onSend()
      }}
    >
      <textarea
        ref={area}
        rows={2}
        aria-label="Prompt"
        placeholder={props.placeholder}
        autoFocus={focus}
        value={props.value}
        onChange={(event) => props.onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return
          event.preventDefault()
          event.currentTarget.form?.requestSubmit()
        }}
      />
      <div className="prompt-actions">
        {props.children}
        <button
          type="submit"
          className="primary"
          disabled={empty || props.busy}
          aria-label={props.sendLabel}
          title={`${props.sendLabel} (Enter)`}
        >
          <Icon name="send" />
          <span>{props.sendLabel}</span>
        </button>
      </div>
    </form>
  )
}
