/** The prompt of a thread. It starts a turn, enters the queue, steers the running turn, or replaces it. */
import { useState } from "react"
import type { Strategy } from "@millrace/contracts/Command"
import type { ThreadView } from "@millrace/contracts/State"
import { canSend, type Content, restore, take } from "../attach/Drafts.ts"
import { useDraft } from "../attach/useDraft.ts"
import { Action, useAction } from "../ui/Action.tsx"
import { Icon } from "../ui/Icon.tsx"
import { link } from "../store/Store.ts"
import * as Waiting from "../store/Waiting.ts"
import { useStore } from "../store/useStore.ts"
import { Prompt } from "./Prompt.tsx"
import { useMention } from "./useMention.tsx"

export const Composer = ({ thread }: { readonly thread: ThreadView }) => {
  const { activeTurnId, threadId } = thread
  const draft = useDraft(threadId)
  const action = useAction()
  const mention = useMention(threadId, draft.text)
  const agent = useStore((state) => state.providers?.find(({ provider }) => provider === thread.provider))
  const canSteer = agent?.capabilities.includes("steer")
  const offline = useStore((state) => state.connection.state === "reconnecting" || state.connection.state === "draining")
  const [refusal, setRefusal] = useState<string>()
  // The field is cleared at once, so that the next message can be written while this one waits for a connection.
  const submit = async (command: (content: Content) => Promise<unknown>) => {
    const content = take(threadId)
    setRefusal(undefined)
    try {
      await command(content)
    } catch (cause) {
      setRefusal(cause instanceof Error ? cause.message : String(cause))
      restore(threadId, content)
    }
  }
  const send = (strategy: Strategy) => void submit((content) => Waiting.send(link, threadId, content, strategy))
  const setGoal = () => action.run(() => submit(({ text }) => link.send("goal.set", { threadId, objective: text })))
  const running = activeTurnId !== undefined
  const isReady = canSend(draft) && !action.busy
  return (
    <div className="composer">
      {refusal !== undefined && (
        <p className="refusal" role="alert">
          {refusal}
        </p>
      )}
      <Prompt
        draftKey={threadId}
        onSend={() => send("enqueue")}
        busy={action.busy}
        placeholder={
          offline ? "No connection: messages are sent when it is back" : running ? "What comes after this turn?" : "What next?"
        }
        sendLabel={running ? "Queue" : "Send"}
        commands={agent?.commands}
        mention={mention}
        isMain
      >
        {!running && isReady && draft.attached.length === 0 && (
          <button
            type="button"
            className="quiet"
            onClick={() => void setGoal()}
            title="The agent starts turns by itself until it reports this goal as met"
          >
            Set as goal
          </button>
        )}
        {running && (
          <Action
            className="danger"
            label="Interrupt the running turn"
            run={() => link.send("turn.interrupt", { threadId, turnId: activeTurnId })}
          >
            <Icon name="stop" />
            <span>Interrupt</span>
          </Action>
        )}
        {running && (
          <>
            <button
              type="button"
              disabled={!isReady}
              onClick={() => send("steer")}
              title={
                canSteer === true
                  ? "Adds your message to the running turn"
                  : "This agent cannot be steered: your message becomes the next turn"
              }
            >
              <Icon name="steer" />
              <span>Steer</span>
            </button>
            <button
              type="button"
              disabled={!isReady}
              onClick={() => send("interrupt")}
              title="Interrupts the running turn and runs your message instead"
            >
              <Icon name="up" />
              <span>Instead</span>
            </button>
          </>
        )}
      </Prompt>
    </div>
  )
}
