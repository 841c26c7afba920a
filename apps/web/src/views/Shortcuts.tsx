/** The keys of the page. */
import { Dialog } from "../ui/Dialog.tsx"
import { show } from "../ui/Overlay.ts"

const keys = [
  ["Ctrl K, Cmd K", "Search what was said, open a thread or a view"],
  ["?", "Show these shortcuts"],
  ["Enter", "Send the prompt"],
  ["Shift Enter", "Begin a new line in the prompt"],
  ["/", "At the start of a prompt: the commands of the agent"],
  ["Home, End", "In a transcript: its first or its newest item"],
  ["Escape", "Close what is open"]
] as const

export const Shortcuts = () => (
  <Dialog label="Shortcuts" className="sheet" onClose={() => show(undefined)}>
    <h2>Shortcuts</h2>
    <dl>
      {keys.map(([key, words]) => (
        <div key={key}>
          <dt>{key}</dt>
          <dd>{words}</dd>
        </div>
      ))}
    </dl>
    <form method="dialog">
      <button type="submit" className="quiet">
        Close
      </button>
    </form>
  </Dialog>
)
