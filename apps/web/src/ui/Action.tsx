/** A button that runs a command. It is disabled while the command runs. It shows the server's message if the server refuses the command. */
import { useState, type ReactNode } from "react"

export const useAction = () => {
  const [state, setState] = useState<{ readonly busy: boolean; readonly error: string | undefined }>({
    busy: false,
    error: undefined
  })
  const run = async (action: () => Promise<unknown>): Promise<boolean> => {
    setState({ busy: true, error: undefined })
    try {
      await action()
      setState({ busy: false, error: undefined })
      return true
    } catch (cause) {
      setState({ busy: false, error: cause instanceof Error ? cause.message : String(cause) })
      return false
    }
  }
  return { ...state, run, clear: () => setState({ busy: false, error: undefined }) }
}

export const Action = (props: {
  readonly run: () => Promise<unknown>
  readonly children: ReactNode
  readonly className?: string
  readonly label?: string
}) => {
  const action = useAction()
  return (
    <>
      <button
        type="button"
        className={props.className ?? "quiet"}
        disabled={action.busy}
        aria-label={props.label}
        title={props.label}
        onClick={() => void action.run(props.run)}
      >
        {props.children}
      </button>
      {action.error !== undefined && (
        <span className="refusal" role="alert">
          {action.error}
        </span>
      )}
    </>
  )
}
