/** Edits a queued turn in place: its text and its attachments. */
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { contentOf, discard, draftOf, given } from "../attach/Drafts.ts"
import { link } from "../store/Store.ts"
import { useAction } from "../ui/Action.tsx"
import { Prompt } from "./Prompt.tsx"

/** The draft of `turnId` has the new content. */
export const EditTurn = (props: { readonly threadId: ThreadId; readonly turnId: TurnId; readonly onEnd: () => void }) => {
  const { threadId, turnId } = props
  const action = useAction()
  const end = () => {
    discard(turnId)
    props.onEnd()
  }
  const save = async () => {
    const { attachments, text } = contentOf(draftOf(turnId))
    // Without the field, the attachments do not change.
    const command = { threadId, turnId, text, attachments: given(attachments).attachments ?? [] }
    if (await action.run(() => link.send("turn.edit", command))) end()
  }
  return (
    <div className="edit-turn">
      {action.error !== undefined && (
        <p className="refusal" role="alert">
          {action.error}
        </p>
      )}
      <Prompt
        draftKey={turnId}
        onSend={() => void save()}
        busy={action.busy}
        placeholder="What should the agent do?"
        sendLabel="Save"
        label="Text of the queued turn"
        onEscape={end}
      >
        <button type="button" className="quiet" onClick={end}>
          Cancel
        </button>
      </Prompt>
    </div>
  )
}
