/** The prompt of a thread. Its text starts a turn, enters the queue, steers the running turn, or replaces it. */
import { useState } from "react"
import type { Strategy } from "@millrace/contracts/Command"
import type { ThreadView } from "@millrace/contracts/State"
import { Action, useAction } from "../ui/Action.tsx"
import { Icon } from "../ui/Icon.tsx"
import { link } from "../store/Store.ts"
import * as Waiting from "../store/Waiting.ts"
import { useStore } from "../store/useStore.ts"
import { Prompt } from "./Prompt.tsx"

/** Storage key of the draft, which survives a change of views and a reload. */
const draftKey = (threadId: string) => `millrace.draft.${threadId}`

export const Composer = ({ thread }: { readonly thread: ThreadView }) => {
  const { activeTurnId, threadId } = thread
  const [text, setText] = useState(() => sessionStorage.getItem(draftKey(threadId)) ?? "")
  const action = useAction()
  const canSteer = useStore((state) =>
    state.providers?.find(({ provider }) => provider === thread.provider)?.capabilities.includes("steer")
  )
  const offline = useStore((state) => state.connection.state === "reconnecting" || state.connection.state === "draining")
  const write = (next: string) => {
    setText(next)
    if (next === "") sessionStorage.removeItem(draftKey(threadId))
    else sessionStorage.setItem(draftKey(threadId), next)
  }
  const submit = async (command: (words: string) => Promise<unknown>) => {
    const words = text
    write("")
    const sent = await action.run(() => command(words))
    // Restores a refused text for correction.
    if (!sent) setText((now) => (now === "" ? words : now))
  }
  const [refusal, setRefusal] = useState<string>()
  // The field is cleared at once, so that the next message can be written while this one waits for a connection.
  const send = async (strategy: Strategy) => {
    const words = text
    write("")
    setRefusal(undefined)
    try {
      await Waiting.send(link, threadId, words, strategy)
    } catch (cause) {
      setRefusal(cause instanceof Error ? cause.message : String(cause))
      setText((now) => (now === "" ? words : now))
    }
  }
  const setGoal = () => submit((objective) => link.send("goal.set", { threadId, objective }))
  const running = activeTurnId !== undefined
  const empty = text.trim() === ""
  return (
    <div className="composer">
      {(refusal ?? action.error) !== undefined && (
        <p className="refusal" role="alert">
          {refusal ?? action.error}
        </p>
      )}
      <Prompt
        value={text}
        onChange={write}
        onSend={() => void send("enqueue")}
        busy={action.busy}
        placeholder={
          offline ? "No connection: messages are sent when it is back" : running ? "What comes after this turn?" : "What next?"
        }
        sendLabel={running ? "Queue" : "Send"}
        autoFocus
      >
        {!running && !empty && (
          <button
            type="button"
            className="quiet"
            disabled={action.busy}
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
              disabled={empty || action.busy}
              onClick={() => void send("steer")}
              title={
                canSteer === true
                  ? "Adds your text to the running turn"
                  : "This agent cannot be steered: your text becomes the next turn"
              }
            >
              <Icon name="steer" />
              <span>Steer</span>
            </button>
            <button
              type="button"
              disabled={empty || action.busy}
              onClick={() => void send("interrupt")}
              title="Interrupts the running turn and runs your text instead"
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
