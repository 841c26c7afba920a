/** Slash commands of the agent. While the prompt is `/` and letters, a list shows the matching commands. Arrow keys move, Enter and Tab choose, Escape closes. */
import { useId, useState, type KeyboardEvent, type ReactNode } from "react"
import { write } from "../attach/Drafts.ts"

export interface SlashCommand {
  readonly name: string
  readonly description: string
}

/** Maximum commands in the list. Further letters find the others. */
const maxShown = 50

export interface Completion {
  /** Whether the list used the key. */
  readonly onKeyDown: (event: KeyboardEvent) => boolean
  /** Attributes of the field, by which a screen reader reads the list. */
  readonly field: {
    readonly "aria-autocomplete"?: "list"
    readonly "aria-controls"?: string
    readonly "aria-activedescendant"?: string
  }
  readonly list: ReactNode
}

/** The commands that match the text: first those that begin with its letters, then those that contain them. Empty unless the text is `/` and letters. */
export const fitting = (text: string, commands: ReadonlyArray<SlashCommand>): ReadonlyArray<SlashCommand> => {
  const typed = /^\/(\S*)$/.exec(text)?.[1]?.toLowerCase()
  if (typed === undefined) return []
  const begin = commands.filter(({ name }) => name.toLowerCase().startsWith(typed))
  const contain = commands.filter(({ name }) => name.toLowerCase().indexOf(typed) > 0)
  return [...begin, ...contain].slice(0, maxShown)
}

export const useSlash = (draftKey: string, text: string, commands: ReadonlyArray<SlashCommand>): Completion => {
  const id = useId()
  const [place, setPlace] = useState({ text, at: 0 })
  /** The text for which the list was closed. */
  const [closed, setClosed] = useState<string>()
  const shown = closed === text ? [] : fitting(text, commands)
  if (shown.length === 0) return { onKeyDown: () => false, field: {}, list: null }
  const at = place.text === text ? Math.min(place.at, shown.length - 1) : 0
  const optionId = (n: number) => `${id}-${n}`
  const move = (by: number) => {
    const next = (at + by + shown.length) % shown.length
    setPlace({ text, at: next })
    document.getElementById(optionId(next))?.scrollIntoView({ block: "nearest" })
  }
  const choose = (n: number) => {
    const command = shown[n]
    if (command !== undefined) write(draftKey, `/${command.name} `)
  }
  const keys: Readonly<Record<string, () => void>> = {
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    Enter: () => choose(at),
    Tab: () => choose(at),
    Escape: () => setClosed(text)
  }
  return {
    onKeyDown: (event) => {
      const act = event.shiftKey || event.nativeEvent.isComposing ? undefined : keys[event.key]
      if (act === undefined) return false
      event.preventDefault()
      act()
      return true
    },
    field: { "aria-autocomplete": "list", "aria-controls": id, "aria-activedescendant": optionId(at) },
    list: (
      <div className="slash" role="listbox" id={id} aria-label="Commands of the agent">
        {shown.map(({ description, name }, n) => (
          <div
            key={name}
            id={optionId(n)}
            role="option"
            tabIndex={-1}
            aria-selected={n === at}
            // Before the field loses the focus.
            onMouseDown={(event) => {
              event.preventDefault()
              choose(n)
            }}
          >
            <b>/{name}</b>
            <span>{description}</span>
          </div>
        ))}
      </div>
    )
  }
}
