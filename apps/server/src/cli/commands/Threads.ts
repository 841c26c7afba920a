/** `millrace interrupt|stop|fork|retry|rename|archive|unarchive|delete THREAD`: one command of the service each. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { defined } from "@millrace/contracts/Defined"
import { Option } from "effect"
import * as Client from "@millrace/client/Client"
import * as Flags from "../Flags.ts"
import { dispatch } from "./Dispatch.ts"

const interrupted = { "not-running": "No turn was running.", dequeued: "Removed from the queue", interrupting: "Interrupting" }

export const interrupt = Command.make(
  "interrupt",
  { ...Flags.ofThread, turn: Flags.turn.pipe(Args.optional) },
  ({ turn, ...where }) =>
    dispatch(
      where,
      Client.command("turn.interrupt", { threadId: where.thread, ...defined({ turnId: Option.getOrUndefined(turn) }) }),
      ({ outcome, turnId }) => {
        const result =
          outcome !== undefined && outcome in interrupted ? interrupted[outcome as keyof typeof interrupted] : "Interrupting"
        return turnId === undefined || outcome === "not-running" ? result : `${result}: ${turnId}`
      }
    )
).pipe(Command.withDescription("Interrupt a thread's running turn, or the turn with this id."))

export const stop = Command.make("stop", Flags.ofThread, (where) =>
  dispatch(
    where,
    Client.command("session.stop", { threadId: where.thread }),
    () => "Stopping the agent. The thread's next turn resumes it."
  )
).pipe(Command.withDescription("End a thread's agent. A running turn is interrupted."))

export const fork = Command.make(
  "fork",
  {
    ...Flags.ofThread,
    turn: Flags.turnFlag("The last turn that the new thread has. Default: all turns."),
    title: Flags.titleFlag("The new thread's title. Default: that of the thread.")
  },
  ({ title, turn, ...where }) =>
    dispatch(
      where,
      Client.command("thread.fork", {
        threadId: where.thread,
        ...defined({ turnId: Flags.orUndefined(turn), title: Flags.orUndefined(title) })
      }),
      ({ threadId }) => `Forked: ${threadId}`
    )
).pipe(Command.withDescription("Create a thread whose agent has a copy of the conversation so far, or up to a turn."))

export const retry = Command.make(
  "retry",
  {
    ...Flags.ofThread,
    turn: Flags.turn,
    text: Options.optional(Options.text("text")).pipe(Options.withDescription("The changed prompt. Default: that of the turn."))
  },
  ({ text, turn, ...where }) =>
    dispatch(
      where,
      Client.command("turn.retry", { threadId: where.thread, turnId: turn, ...defined({ text: Flags.orUndefined(text) }) }),
      ({ threadId, turnId }) => `Sent again: ${turnId} in the new thread ${threadId}`
    )
).pipe(
  Command.withDescription(
    "Create a thread with the conversation before a turn, and send the turn's prompt again, as it was or changed."
  )
)

export const rename = Command.make("rename", { ...Flags.ofThread, title: Flags.title }, ({ title, ...where }) =>
  dispatch(where, Client.command("thread.rename", { threadId: where.thread, title }), () => "Renamed.")
).pipe(Command.withDescription("Change a thread's title."))

export const archive = Command.make("archive", Flags.ofThread, (where) =>
  dispatch(where, Client.command("thread.archive", { threadId: where.thread }), () => "Archived.")
).pipe(Command.withDescription("Archive a thread: it leaves the lists and keeps its history."))

export const unarchive = Command.make("unarchive", Flags.ofThread, (where) =>
  dispatch(where, Client.command("thread.unarchive", { threadId: where.thread }), () => "Restored from the archive.")
).pipe(Command.withDescription("Restore an archived thread to the lists."))

export const remove = Command.make("delete", Flags.ofThread, (where) =>
  dispatch(
    where,
    Client.command("thread.delete", { threadId: where.thread }),
    () => "Deleted. The agent's own record of the conversation, and files that it changed, are not deleted."
  )
).pipe(Command.withDescription("Delete a thread and all that was said in it. This cannot be undone."))
