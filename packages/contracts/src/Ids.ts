/** Identifiers. All are opaque to clients. The prefixes help people who read logs. */
import { Schema } from "effect"

const id = <const Brand extends string>(prefix: string, brand: Brand, what: string) =>
  Schema.String.pipe(
    Schema.pattern(new RegExp(`^${prefix}_[A-Za-z0-9_-]{1,120}$`), {
      message: () => `expected ${what} id, like ${prefix}_01HXYZ`
    }),
    Schema.brand(brand, {
      identifier: brand,
      description: `The id of ${what.replace(/ id$/, "")}, like ${prefix}_01HXYZ. Opaque.`
    })
  )

/** A workspace directory with its settings. The engine makes the id. */
export const ProjectId = id("prj", "ProjectId", "a project")
export type ProjectId = typeof ProjectId.Type
/** The project of a deleted thread. The log no longer contains the project's id. */
export const deletedProject = ProjectId.make("prj_deleted")

/** One durable conversation. The engine makes the id. */
export const ThreadId = id("thr", "ThreadId", "a thread")
export type ThreadId = typeof ThreadId.Type

/** One run from user input to its end. The engine makes the id; for a turn that the provider began, the normaliser does. */
export const TurnId = id("trn", "TurnId", "a turn")
export type TurnId = typeof TurnId.Type

/** A part of a turn: a message, a command and so on. Unique in the log: `itm_<thread>_<epoch>_<n>`. The normaliser makes the id. */
export const ItemId = id("itm", "ItemId", "an item")
export type ItemId = typeof ItemId.Type

/** A question to a person. Unique in the log: `req_<thread>_<epoch>_<n>`. The normaliser makes the id. */
export const RequestId = id("req", "RequestId", "a request")
export type RequestId = typeof RequestId.Type

/** The idempotency key of a command (C2). The caller chooses it. */
export const CommandId = Schema.String.pipe(
  Schema.pattern(/^[\x21-\x7e]{1,200}$/, { message: () => "expected a command id of 1 to 200 printable ASCII characters" }),
  Schema.brand("CommandId", {
    identifier: "CommandId",
    description:
      "Chosen by the caller: 1 to 200 printable ASCII characters without spaces. A command that is sent again with the same id runs once."
  })
)
export type CommandId = typeof CommandId.Type

/** A durable objective of a thread. The engine makes the id. */
export const GoalId = id("goal", "GoalId", "a goal")
export type GoalId = typeof GoalId.Type

/** The fencing token of a session: 1, 2, 3, ... within its thread; 0 = no session yet. */
export const Epoch = Schema.Int.pipe(Schema.nonNegative())
export type Epoch = typeof Epoch.Type

/** Position in the log: 1, 2, 3, ... without holes; 0 = before the first event. */
export const Offset = Schema.Int.pipe(Schema.nonNegative())
export type Offset = typeof Offset.Type

/** A stream name: `thread/<id>`, `project/<id>`, or `server` for the events of the server itself. */
export const StreamName = Schema.String.pipe(
  Schema.pattern(/^(server|(thread|project)\/[A-Za-z0-9_-]{1,124})$/, {
    message: () => "expected a stream, like thread/thr_01HXYZ, project/prj_01HXYZ or server"
  })
)
export type StreamName = typeof StreamName.Type

/** The stream of the events of the server itself, such as `log.rewound`. */
export const serverStream: StreamName = "server"
export const threadStream = (threadId: ThreadId): StreamName => `thread/${threadId}`
export const projectStream = (projectId: ProjectId): StreamName => `project/${projectId}`
