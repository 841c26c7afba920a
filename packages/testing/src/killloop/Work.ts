/** The load on a server until it dies: each kind of work uses one thread and sends one command after the other. */
import { type LogEvent } from "@millrace/contracts/Event"
import { Effect, Queue, Random } from "effect"
import * as Commands from "./Commands.ts"

export interface Agent {
  readonly provider: string
  /** Prompts by kind of work. The kinds in `endless` end only by an interrupt. They are omitted where the server ends in order. */
  readonly prompts: Readonly<Record<string, string>>
  readonly endless: ReadonlyArray<string>
}

/** The sleeps of agents and their children are longer than any run. */
export const demo: Agent = {
  provider: "demo",
  prompts: {
    deltas: "[[think so]] [[deltas 60 2]]",
    command: "[[run echo begun; sleep 0.2; echo done]] [[say done]]",
    background: "[[say on its way]] [[background 2000]]",
    question: "[[ask What next?]]",
    grandchild: "[[run sh -c 'setsid sleep 60 & sleep 60']]",
    hang: "[[say begun]] [[hang]]"
  },
  endless: ["hang", "grandchild"]
}

export interface Clients {
  /** Created threads, by kind of work. */
  readonly threads: Map<string, string>
  readonly sent: Array<Commands.Sent>
  readonly nextId: () => string
}

const command = (clients: Clients, address: Commands.Address, kind: string, type: string, fields: object) =>
  Effect.suspend(() => {
    const sent = Commands.make(kind, clients.nextId(), type, fields)
    clients.sent.push(sent)
    return Commands.send(address, sent)
  })

/** Works until no server answers. */
const worker = (clients: Clients, address: Commands.Address, agent: Agent, kind: string, cwd: string) =>
  Effect.gen(function* () {
    const text = agent.prompts[kind] ?? ""
    for (;;) {
      const threadId = clients.threads.get(kind)
      const coin = (yield* Random.next) < 0.3
      // Endless work must not be queued, because the next server would continue it.
      const strategy = agent.endless.includes(kind) ? "reject" : kind === "deltas" ? "enqueue" : coin ? "interrupt" : "reject"
      const answer = yield* threadId === undefined
        ? command(clients, address, kind, "thread.create", { provider: agent.provider, cwd, turn: { text } })
        : strategy === "reject" && coin
          ? command(clients, address, kind, "turn.interrupt", { threadId })
          : command(clients, address, kind, "turn.start", { threadId, text, strategy })
      if (answer === undefined) return
      if (threadId === undefined && answer.threadId !== undefined) clients.threads.set(kind, answer.threadId)
      yield* Effect.sleep(yield* Random.nextIntBetween(40, 250))
    }
  })

/** Runs all kinds of work at the same time. `heard`: the log as a client receives it, for the client that answers requests. */
export const run = (
  clients: Clients,
  address: Commands.Address,
  agent: Agent,
  options: { readonly cwd: string; readonly endless: boolean; readonly heard: Queue.Dequeue<LogEvent> }
): Effect.Effect<void> => {
  const kinds = Object.keys(agent.prompts).filter((kind) => options.endless || !agent.endless.includes(kind))
  const answering = Effect.gen(function* () {
    for (;;) {
      const { data, type } = yield* Queue.take(options.heard)
      if (type !== "request.opened") continue
      const { kind, questions, requestId } = data as {
        readonly kind: string
        readonly requestId: string
        readonly questions?: ReadonlyArray<{ readonly id: string }>
      }
      const given =
        kind === "question"
          ? { answers: Object.fromEntries((questions ?? []).map(({ id }) => [id, ["Yes"]])) }
          : { decision: "accept" }
      yield* Effect.forkDaemon(
        Effect.delay(
          command(clients, address, "answer", "request.answer", { requestId, ...given }),
          yield* Random.nextIntBetween(0, 200)
        )
      )
    }
  })
  return Effect.raceFirst(
    Effect.forEach(kinds, (kind) => worker(clients, address, agent, kind, options.cwd), {
      concurrency: "unbounded",
      discard: true
    }),
    answering
  )
}
