/** Formats one event as one line for people. */
import { Either } from "effect"
import { type DataOf, decodeData, type EventType, type LogEvent } from "@millrace/contracts/Event"
import type { Answer, Ask, ItemContent } from "@millrace/contracts/Item"
import { settingNames } from "@millrace/contracts/Settings"
import * as Style from "./Style.ts"

/** The summary of an item: its command, its files, its tool, its steps, or its text. */
export const about = (content: ItemContent): string =>
  content.command ??
  content.changes?.map((change) => `${change.change} ${change.path}`).join(", ") ??
  content.tool ??
  content.steps?.map((step) => `[${step.status === "completed" ? "x" : " "}] ${step.text}`).join(" ") ??
  content.text ??
  ""

const answerText = (answer: Answer): string =>
  "answers" in answer
    ? Object.values(answer.answers).flat().join(", ")
    : [
        ...("decision" in answer ? [answer.decision] : []),
        ...(answer.optionId === undefined ? [] : [`"${answer.label ?? answer.optionId}"`])
      ].join(" ")

const titleWithOptions = (ask: Ask): string =>
  ask.kind === "approval" && ask.options !== undefined
    ? `${ask.title}  (${ask.options.map(({ label }) => label).join(" | ")})`
    : ask.title

const reasonOf = (data: { readonly reason?: string | undefined }) => data.reason ?? ""

/** The changed settings; `-`: the value of the provider instance applies. */
const settingsLine = (data: DataOf<"thread.updated">): string | undefined =>
  settingNames
    .flatMap((name) =>
      data[name] === undefined
        ? []
        : [`${name} ${typeof data[name] === "string" ? data[name] : data[name] === null ? "-" : "set"}`]
    )
    .join(", ") || undefined

const lines: { readonly [T in EventType]: (data: DataOf<T>) => string } = {
  "project.created": (data) => `${data.title}  ${data.cwd}`,
  "project.updated": (data) => data.title,
  "project.deleted": (data) => data.projectId,
  "thread.created": (data) => `${data.provider}${data.model === undefined ? "" : `/${data.model}`}  ${data.title}`,
  "thread.updated": (data) =>
    data.title ??
    settingsLine(data) ??
    data.recovery ??
    data.afterLimit ??
    data.labels?.join(", ") ??
    (data.metadata === undefined ? "" : "metadata"),
  "thread.handed-over": (data) => `${data.from} to ${data.provider}${data.model === undefined ? "" : `/${data.model}`}`,
  "thread.archived": () => "",
  "thread.unarchived": () => "",
  "thread.deleted": () => "",
  "session.started": (data) => `${data.provider}  ${data.status}`,
  "session.state.changed": (data) => `${data.status}  ${reasonOf(data)}`,
  "session.stop.requested": (data) => data.reason,
  "session.stopped": (data) => `${data.status}  ${data.error?.message ?? data.reason}`,
  "session.kept": reasonOf,
  "checkpoint.taken": ({ late, point }) => `${point}${late === true ? ", late" : ""}`,
  "checkpoint.failed": ({ point, reason }) => `${point}: ${reason}`,
  "thread.rewound": ({ files, forkId, incomplete, paths }) =>
    [
      files === undefined ? "" : paths === undefined ? `files: ${files}` : `discarded: ${paths.join(" ")}`,
      forkId === undefined ? "" : `fork: ${forkId}`,
      incomplete ?? ""
    ]
      .filter((part) => part !== "")
      .join(", "),
  "workspace.committed": ({ commit, subject }) => `${commit.slice(0, 12)}  ${subject}`,
  "workspace.merged": ({ branch, into }) => `${branch} into ${into}`,
  "workspace.pushed": ({ branch, remote }) => `${branch} to ${remote}`,
  "workspace.proposed": ({ branch, url }) => `${branch}  ${url}`,
  "background.started": (data) => data.taskId,
  "background.ended": (data) => `${data.taskId}  ${reasonOf(data)}`,
  "turn.requested": (data) => data.text,
  "continuation.planned": (data) => (data.requestId === undefined ? `continues at ${data.at}` : "asks whether to continue"),
  "continuation.cancelled": reasonOf,
  "goal.set": (data) => data.objective,
  "goal.paused": reasonOf,
  "goal.resumed": reasonOf,
  "goal.waiting": (data) => `continues at ${data.nextAt ?? ""}`,
  "goal.met": reasonOf,
  "goal.exhausted": reasonOf,
  "goal.cleared": reasonOf,
  "turn.imported": (data) => `${data.status}  ${data.text}`,
  "item.imported": (data) => `${data.kind}  ${data.status}  ${about(data)}`,
  "request.imported": (data) => `${data.status}  ${data.ask.title}`,
  "turn.edited": (data) => data.text,
  "queue.reordered": (data) => data.turnIds.join(" "),
  "turn.dispatched": () => "",
  "turn.started": (data) => (data.origin === "provider" ? "started by the agent" : ""),
  "turn.updated": (data) => data.plan?.map((step) => step.text).join("; ") ?? (data.usage === undefined ? "" : "usage"),
  "turn.requeued": (data) => data.reason,
  "turn.steered": (data) => data.text,
  "turn.interrupt.requested": reasonOf,
  "turn.completed": reasonOf,
  "turn.interrupted": reasonOf,
  "turn.failed": (data) => data.error.message,
  "item.started": (data) => `${data.kind}  ${about(data)}`,
  "item.delta": (data) => `${data.kind}  ${data.text}`,
  "item.completed": (data) => `${data.kind}  ${data.status === "completed" ? "" : `${data.status}  `}${about(data)}`,
  "item.amended": (data) => `${data.kind}  ${about(data)}`,
  "request.opened": titleWithOptions,
  "request.held": reasonOf,
  "request.repeated": (data) => (data.answer === undefined ? "" : `answered meanwhile: ${answerText(data.answer)}`),
  "request.answer.unused": reasonOf,
  "request.answered": (data) => `${answerText(data)}  by ${data.by}`,
  "request.expired": reasonOf,
  "request.cancelled": reasonOf,
  "log.rewound": (data) => `from ${data.from} to ${data.to}: ${data.reason}`,
  "provider.event": (data) => data.method
}
const isKnown = (type: string): type is EventType => type in lines

const summaryOf = <T extends EventType>(type: T, data: unknown): string =>
  Either.match(decodeData(type, data), { onLeft: () => "(data of an unknown shape)", onRight: (known) => lines[type](known) })

/** `offset time stream type summary`. A type that this version does not know has no summary. */
export const render = (event: LogEvent, style: Style.Style, width: number): string => {
  const head = `${String(event.offset).padStart(6)} ${event.at.slice(11, 23)} ${event.stream.replace(/^thread\//, "").slice(-12)}`
  const type = event.type.padEnd(22)
  const widthLeft = width - head.length - type.length - 2
  const text = isKnown(event.type) && widthLeft > 4 ? Style.line(summaryOf(event.type, event.data), widthLeft) : ""
  const colour = /failed|expired|error/.test(event.type)
    ? style.red
    : event.type.startsWith("request.")
      ? style.yellow
      : style.cyan
  return `${style.dim(head)} ${colour(type)} ${text}`.trimEnd()
}
