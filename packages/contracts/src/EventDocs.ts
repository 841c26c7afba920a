/**
 * The documentation of each event type: when the server writes it, and examples of its `data`. `/openapi.json` and docs/events.md are made from it. A
 * separate module, because clients do not need it. A new event type without an entry does not compile.
 */
import { Schema } from "effect"
import { EventData, LogEvent } from "./Event.ts"

/** Data of the events that only a reader of the log makes: no event of these types is stored. */
const ReaderData = {
  "log.corrupt": Schema.Struct({
    type: Schema.optional(Schema.String).annotations({ description: "The type of the unreadable event, if it is known." }),
    reason: Schema.String
  }),
  "log.forgotten": Schema.Struct({})
} as const

/** The data of every event type that a client can receive. */
export const DocumentedData = { ...EventData, ...ReaderData } as const
export type DocumentedType = keyof typeof DocumentedData

interface EventDoc<T extends DocumentedType> {
  /** When the event is written: one or two sentences. */
  readonly when: string
  /** Encoded, as on the wire. */
  readonly examples: readonly [(typeof DocumentedData)[T]["Encoded"], ...ReadonlyArray<(typeof DocumentedData)[T]["Encoded"]>]
}

const projectId = "prj_01KB7Q"
const threadId = "thr_01KB7R"
const turnId = "trn_01KB7S"
const goalId = "goal_01KB7T"
const at = "2026-11-20T09:00:00.000Z"
const later = "2026-11-20T10:00:00.000Z"
const thread = { threadId }
const shot = {
  blob: "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
  name: "shot.png",
  mediaType: "image/png",
  bytes: 18_211
}
const turn = { threadId, turnId }
const message = { ...turn, itemId: "itm_01KB7R_1_2", kind: "agent-message" }
const request = { ...turn, requestId: "req_01KB7R_1_1" }
const usage = { inputTokens: 1200, outputTokens: 85, totalTokens: 1285 }
const continues = { turnId, because: "restart", restarts: 1, waits: 0, since: at } as const
const goal = (
  status: (typeof EventData)["goal.set"]["Encoded"]["status"],
  turns: number,
  more: Partial<(typeof EventData)["goal.set"]["Encoded"]> = {}
): (typeof EventData)["goal.set"]["Encoded"] => ({
  ...thread,
  goalId,
  objective: "All tests pass.",
  status,
  budget: { turns: 25 },
  used: { turns, tokens: turns * 1285, millis: turns * 4000 },
  pauseOnUserMessage: false,
  ...more
})

export const EventDocs: { readonly [T in DocumentedType]: EventDoc<T> } = {
  "project.created": {
    when: "A project is created, by a command or with the first thread of a directory.",
    examples: [{ projectId, cwd: "/home/me/app", title: "app" }]
  },
  "project.updated": {
    when: "A project is renamed, or the variables of its agents (`env`) or the command that prepares a new worktree (`setup`) are set.",
    examples: [
      { projectId, title: "The app", env: { NODE_ENV: "test", API_KEY: { secret: "API_KEY" } } },
      { projectId, title: "The app", setup: "npm ci" }
    ]
  },
  "project.deleted": { when: "A project is deleted. Nothing follows in its stream.", examples: [{ projectId }] },

  "thread.created": {
    when: "A thread is created: by a command, by a fork (`forkedFrom`), by an import (`imported`), or by the agent of another thread (`parentThreadId`).",
    examples: [
      { ...thread, projectId, provider: "demo", title: "Say hello", cwd: "/home/me/app", labels: ["docs"] },
      {
        ...thread,
        projectId,
        provider: "demo",
        title: "Say hello",
        cwd: "/home/me/.millrace/worktrees/thr_01KB7R",
        workspace: {
          kind: "worktree",
          branch: "millrace/thr_01KB7R",
          commit: "9fceb02d0ae598e95dc970b74767f19372d61af8"
        }
      },
      {
        ...thread,
        projectId,
        provider: "demo",
        title: "Say hello",
        cwd: "/home/me/app",
        forkedFrom: { threadId: "thr_01KB7Q", turnId, resumeKey: "019a-source", nativeTurnId: "019a-turn" }
      },
      { ...thread, projectId, provider: "demo", title: "Check the docs", cwd: "/home/me/app", parentThreadId: "thr_01KB7Q" }
    ]
  },
  "thread.updated": {
    when: "A thread is renamed or configured. Only the fields that changed are present.",
    examples: [{ ...thread, title: "Greetings" }]
  },
  "thread.handed-over": {
    when: "Another agent runs the thread from now on. Its next session gets the transcript with its first turn (`continuity: handed-off`). A thread that is handed back before a turn began is resumed instead.",
    examples: [{ ...thread, provider: "claude", from: "codex" }]
  },
  "thread.archived": { when: "A thread is archived.", examples: [thread] },
  "thread.unarchived": { when: "A thread is restored from the archive.", examples: [thread] },
  "thread.deleted": {
    when: "A thread is deleted. From this event on, every other event of the thread is delivered as `log.forgotten`. Nothing follows in its stream.",
    examples: [thread]
  },

  "session.started": {
    when: "A session, which is one agent process, starts. It ends everything that an older session left open.",
    examples: [{ ...thread, provider: "demo", epoch: 1, status: "starting", activeTurnId: turnId }]
  },
  "session.state.changed": {
    when: "The state of the session changes, for example when the agent is ready.",
    examples: [
      {
        ...thread,
        epoch: 1,
        status: "ready",
        continuity: "fresh",
        resumeKey: "demo-7f3a",
        capabilities: ["approvals", "interrupt"]
      },
      { ...thread, epoch: 1, status: "ready", continuity: "resumed", fork: "agent", resumeKey: "019a-copy", capabilities: [] }
    ]
  },
  "session.stop.requested": {
    when: "The session is to end. The server then ends its process.",
    examples: [{ ...thread, epoch: 1, reason: "The thread was idle for 10 minutes." }]
  },
  "session.stopped": {
    when: "The session has ended.",
    examples: [
      { ...thread, epoch: 1, status: "stopped", reason: "The thread was idle for 10 minutes." },
      {
        ...thread,
        epoch: 2,
        status: "error",
        reason: "The agent exited with code 1.",
        error: { kind: "process", message: "The agent exited with code 1.", detail: "fatal: out of memory" }
      }
    ]
  },
  "session.kept": {
    when: "The session was idle long enough to be stopped, but is kept for this reason. At most once for each idle period. It does not count as activity.",
    examples: [{ ...thread, epoch: 1, reason: "The agent has work in the background." }]
  },

  "background.started": {
    when: "The agent starts work that outlives its turn.",
    examples: [{ ...thread, epoch: 1, taskId: "task-3", turnId }]
  },
  "background.ended": {
    when: "Background work ends, at the latest with its session.",
    examples: [{ ...thread, epoch: 1, taskId: "task-3" }]
  },

  "turn.requested": {
    when: "A person or the server requests a turn: with `continues` to continue the work of another turn, with `goal` towards a goal. The turn is queued until `turn.dispatched`.",
    examples: [
      { ...turn, text: "[[say hello]]", strategy: "enqueue", position: "back" },
      { ...turn, text: "What is wrong here?", attachments: [shot], strategy: "enqueue", position: "back" }
    ]
  },
  "continuation.planned": {
    when: "The work of an ended turn is to continue with `text` as the prompt: at the time `at`, also after a restart of the server, or when a person agrees.",
    examples: [{ ...thread, ...continues, at: later, text: "Continue where you stopped." }]
  },
  "continuation.cancelled": {
    when: "The planned continuation is cancelled.",
    examples: [{ ...turn, reason: "A person cancelled it." }]
  },
  "goal.set": { when: "A goal is set. It replaces an earlier one.", examples: [goal("active", 0, { activeSince: at })] },
  "goal.paused": {
    when: "The goal starts no further turn.",
    examples: [goal("paused", 3, { reason: "A person paused it." })]
  },
  "goal.resumed": { when: "The goal starts turns again.", examples: [goal("active", 3, { activeSince: at })] },
  "goal.waiting": {
    when: "The last turn was very short, so the next one starts at `nextAt`.",
    examples: [goal("active", 4, { activeSince: at, nextAt: later })]
  },
  "goal.met": {
    when: "The agent reports that the goal is met. The goal has ended.",
    examples: [goal("met", 5, { reason: "All 120 tests pass." })]
  },
  "goal.exhausted": {
    when: "The budget of the goal is used. The goal has ended.",
    examples: [goal("exhausted", 25, { reason: "All 25 turns are used." })]
  },
  "goal.cleared": { when: "A person removes the goal. The goal has ended.", examples: [goal("cleared", 3)] },
  "turn.edited": {
    when: "The text of a queued turn, or its attachments, are replaced, before any agent received it.",
    examples: [{ ...turn, text: "[[say good morning]]" }]
  },
  "queue.reordered": {
    when: "The queue has a new order. `turnIds` is the whole queue.",
    examples: [{ ...thread, turnIds: [turnId, "trn_01KB7V"] }]
  },
  "turn.dispatched": {
    when: "The turn leaves the queue and is active from now on. The server then sends it to the agent.",
    examples: [turn]
  },
  "turn.requeued": {
    when: "The session ended before the agent accepted the turn, for a reason that is unrelated to the turn. The turn is queued again, in first place.",
    examples: [{ ...turn, reason: "The session ended before the agent accepted the turn." }]
  },
  "turn.started": {
    when: "The agent runs the turn.",
    examples: [
      { ...turn, nativeTurnId: "demo-turn-1", origin: "user" },
      { ...turn, origin: "user", attachments: [{ blob: shot.blob, delivery: "native" }] }
    ]
  },
  "turn.updated": {
    when: "The plan or the diff of a running turn changes: the latest value of each field counts. Or the agent took a steer with attachments.",
    examples: [
      {
        ...turn,
        plan: [
          { text: "Read the tests", status: "completed" },
          { text: "Fix the parser", status: "in-progress" }
        ]
      },
      {
        ...turn,
        attachments: [{ blob: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", delivery: "native" }]
      }
    ]
  },
  "turn.steered": {
    when: "A person adds text, with or without attachments, to the running turn.",
    examples: [{ ...turn, text: "Use tabs." }]
  },
  "turn.interrupt.requested": {
    when: "This turn, and no other, is to be interrupted. The server then interrupts the agent.",
    examples: [turn]
  },
  "turn.completed": { when: "The turn ended normally.", examples: [{ ...turn, usage }] },
  "turn.interrupted": {
    when: "The turn ended early: a person or the server interrupted it.",
    examples: [{ ...turn, reason: "A person interrupted the turn." }]
  },
  "turn.failed": {
    when: "The turn ended with an error.",
    examples: [
      {
        ...turn,
        reason: "The usage limit is reached.",
        error: { kind: "limit", message: "The usage limit is reached.", resetAt: later }
      }
    ]
  },

  "item.started": {
    when: "An item begins: a message, a command, a file change and so on.",
    examples: [message, { ...message, itemId: "itm_01KB7R_1_3", kind: "command", command: "npm test", cwd: "/home/me/app" }]
  },
  "item.delta": {
    when: "The text of an open item, or the output of a command, grows. Deltas arrive in order; short ones are joined.",
    examples: [{ ...message, text: "hel" }]
  },
  "item.completed": {
    when: "The item ends, exactly once. This is the whole item: its text replaces the sum of the deltas.",
    examples: [
      { ...message, status: "completed", text: "hello" },
      {
        ...message,
        itemId: "itm_01KB7R_1_3",
        kind: "command",
        status: "completed",
        command: "npm test",
        output: "120 passed\n",
        exitCode: 0,
        durationMillis: 2150
      },
      {
        ...message,
        itemId: "itm_01KB7R_1_5",
        status: "completed",
        text: "The tests are in src/log.",
        parentItemId: "itm_01KB7R_1_4"
      }
    ]
  },
  "item.amended": {
    when: "The agent updates an item that has ended: the content is replaced, and the item stays ended. Or an item of a sub-agent ends after the turn that it belongs to; its `item.started` is then missing.",
    examples: [{ ...message, status: "completed", text: "hello, world" }]
  },

  "request.opened": {
    when: "The agent asks a person: for an approval, or a question. The turn waits. With `rule`, an approval rule has answered it in the same commit.",
    examples: [
      {
        ...request,
        kind: "approval",
        title: "Run: npm test",
        command: "npm test",
        cwd: "/home/me/app",
        complete: true,
        choices: ["accept", "accept-for-session", "decline", "cancel"],
        proposedRule: { match: { kind: "command", command: "npm test" }, decision: "accept" }
      },
      {
        ...request,
        requestId: "req_01KB7R_1_2",
        kind: "question",
        title: "Which database?",
        questions: [{ id: "database", text: "Which database?", options: [{ label: "SQLite" }, { label: "PostgreSQL" }] }]
      }
    ]
  },
  "request.held": {
    when: "The server died while the request was open, and the thread's `recovery` is `resume` or `ask`. The request stays open for `turnId`, the turn that continues the work.",
    examples: [{ ...request, turnId: "trn_01KB7W", reason: "The server restarted." }]
  },
  "request.repeated": {
    when: "The agent asks a held request again. If it was answered meanwhile, the server passes the answer to the agent.",
    examples: [
      { ...request, turnId: "trn_01KB7W", repeatedAs: "req_01KB7R_2_1" },
      { ...request, turnId: "trn_01KB7W", repeatedAs: "req_01KB7R_2_1", answer: { decision: "accept" } }
    ]
  },
  "request.answer.unused": {
    when: "The answer to a held request reached no agent: the turn that continued the work ended, and the agent had not asked again.",
    examples: [{ ...request, turnId: "trn_01KB7W", reason: "The agent did not ask again: the turn completed." }]
  },
  "request.answered": {
    when: "A request is answered. The first answer counts. The server then passes it to the agent; the answer to a held request is kept until the agent asks again.",
    examples: [
      { ...request, by: "me", decision: "accept" },
      { ...request, by: "me", decision: "accept", input: { command: "npm test -- --run" } },
      { ...request, by: "me", decision: "decline", reason: "The tests need a database." },
      { ...request, requestId: "req_01KB7R_1_2", by: "me", answers: { database: ["SQLite"] } }
    ]
  },
  "request.expired": {
    when: "A request can no longer be answered, for example because its session ended.",
    examples: [{ ...request, reason: "The session ended." }]
  },
  "request.cancelled": {
    when: "The agent withdraws its request, or its turn ended.",
    examples: [{ ...request, reason: "The turn ended." }]
  },

  "turn.imported": {
    when: "An import adds a turn that has ended.",
    examples: [
      { ...turn, status: "completed", origin: "user", text: "Say hello", requestedAt: at, startedAt: at, endedAt: at, usage }
    ]
  },
  "item.imported": {
    when: "An import adds an item of an imported turn.",
    examples: [{ ...message, status: "completed", text: "hello" }]
  },
  "request.imported": {
    when: "An import adds a request of an imported turn. It has ended.",
    examples: [
      {
        ...request,
        status: "answered",
        ask: { kind: "approval", title: "Run: npm test", choices: ["accept", "decline"] },
        openedAt: at,
        answer: { decision: "accept" },
        by: "me"
      }
    ]
  },

  "log.rewound": {
    when: "The server finds at its start that the log lost acknowledged events, or is a copy. From this event on the log has a new epoch, so that a cursor of the other history is not accepted.",
    examples: [{ from: 120, to: 100, reason: "The log was restored from a copy.", previousEpoch: "01KB7Q0000000000000000000A" }]
  },
  "log.corrupt": {
    when: "Never stored: the server delivers it in place of an event that cannot be read, with the same offset.",
    examples: [{ type: "item.delta", reason: "The stored JSON of this event cannot be read." }]
  },

  "log.forgotten": {
    when: "In place of each event of a deleted thread, except `thread.deleted`: offset, stream, version and time stay, `epoch` is 0, and the content is erased.",
    examples: [{}]
  },

  "checkpoint.taken": {
    when: "The files of a thread's directory at the start or the end of a turn are stored as a commit in its git repository. `late`: an agent may have written to the directory before all files were read. `skipped`: files that are not in the commit, at most 20; `more`: how many further ones.",
    examples: [
      { ...turn, point: "start", checkpoint: "9fceb02d0ae598e95dc970b74767f19372d61af8", millis: 84 },
      {
        ...turn,
        point: "end",
        checkpoint: "1f7a7a472abf3dd9643fd615f6da379c4acb3e3a",
        late: true,
        skipped: [{ path: "core.dump", reason: "it is larger than 33554432 bytes" }],
        more: 2,
        millis: 612
      }
    ]
  },
  "checkpoint.failed": {
    when: "The files at the start or the end of a turn could not be stored. The turn is not affected; it has no diff, and cannot be taken back.",
    examples: [{ ...turn, point: "end", reason: "git update-index did not finish within 30s." }]
  },
  "thread.rewound": {
    when: "The files of the thread's directory were taken back, all or (`workspace.discard`) single ones, or its conversation by a fork. `incomplete`: the rewind stopped, or the server ended during it; each file is as before or as after.",
    examples: [
      { ...thread, turnId, checkpoint: "5d41402abc4b2a76b9719d911017c592a1b2c3d4", files: 3 },
      { ...thread, turnId, checkpoint: "5d41402abc4b2a76b9719d911017c592a1b2c3d4", files: 1, paths: ["src/login.ts"] },
      {
        ...thread,
        turnId,
        checkpoint: "5d41402abc4b2a76b9719d911017c592a1b2c3d4",
        files: 1,
        incomplete: "The server ended during the rewind. 1 of 3 files were changed."
      }
    ]
  },
  "workspace.committed": {
    when: "`workspace.commit` committed changes of the thread's work tree. The event's `actor` sent the command; author of the commit is the git identity that is configured on the server's machine.",
    examples: [
      {
        ...thread,
        commit: "9fceb02d0ae598e95dc970b74767f19372d61af8",
        branch: "millrace/thr_01JZ4M2Q7V8W9X0Y1Z2A3B4C5D",
        subject: "Fix the login"
      }
    ]
  },
  "workspace.merged": {
    when: "`workspace.merge` merged the branch of the thread's worktree into the branch of the project's directory.",
    examples: [
      {
        ...thread,
        commit: "1f7a7a472abf3dd9643fd615f6da379c4acb3e3a",
        branch: "millrace/thr_01JZ4M2Q7V8W9X0Y1Z2A3B4C5D",
        into: "main"
      }
    ]
  },
  "workspace.pushed": {
    when: "`workspace.push` pushed the branch of the thread's work tree.",
    examples: [
      {
        ...thread,
        commit: "9fceb02d0ae598e95dc970b74767f19372d61af8",
        branch: "millrace/thr_01JZ4M2Q7V8W9X0Y1Z2A3B4C5D",
        remote: "origin"
      }
    ]
  },
  "workspace.proposed": {
    when: "`workspace.propose` pushed the branch of the thread's work tree and opened a pull request of it, or found it open.",
    examples: [
      {
        ...thread,
        commit: "9fceb02d0ae598e95dc970b74767f19372d61af8",
        branch: "millrace/thr_01JZ4M2Q7V8W9X0Y1Z2A3B4C5D",
        remote: "origin",
        url: "https://github.com/example/shop/pull/7"
      }
    ]
  },

  "provider.event": {
    when: "The agent sends a message that this version does not map. It is stored unchanged.",
    examples: [{ ...thread, epoch: 1, turnId, method: "demo/unknown", payload: { value: 1 } }]
  }
}

export const documentedTypes = Object.keys(EventDocs) as ReadonlyArray<DocumentedType>

/** The stream of an event with this data. */
const streamOf = (data: object): string =>
  "threadId" in data ? `thread/${String(data.threadId)}` : "projectId" in data ? `project/${String(data.projectId)}` : "server"

/** The examples of a type as whole events. */
export const exampleEvents = (type: DocumentedType): ReadonlyArray<typeof LogEvent.Encoded> =>
  EventDocs[type].examples.map((data, n) => ({
    offset: 42 + n,
    stream: streamOf(data),
    version: 7 + n,
    type,
    at,
    epoch: "threadId" in data ? 1 : 0,
    data
  }))

/** The schema of an event of one type. */
export const eventSchema = (type: DocumentedType) =>
  Schema.Struct({ ...LogEvent.fields, type: Schema.Literal(type), data: DocumentedData[type] as Schema.Schema.AnyNoContext })
