/** A server process of the bench, and questions to it. */
import { type ChildProcess, fork } from "node:child_process"
import type { Answer, Ask } from "./Messages.ts"

export interface Child {
  readonly ready: Answer
  readonly ask: (ask: Ask) => Promise<Answer>
  readonly stop: () => Promise<void>
}

const answerOf = (child: ChildProcess): Promise<Answer> =>
  new Promise((done, failed) => {
    const gone = () => failed(new Error("the server process of the bench ended"))
    child.once("exit", gone)
    child.once("message", (message) => {
      child.off("exit", gone)
      const answer = message as Answer
      if (answer.error === undefined) done(answer)
      else failed(new Error(answer.error))
    })
  })

/** Starts a module of this folder; returns when it said that it is ready. */
export const start = async (module: "server" | "bare", args: ReadonlyArray<string> = []): Promise<Child> => {
  const child = fork(new URL(`./${module}.ts`, import.meta.url), args, {
    execArgv: ["--expose-gc", "--import", "tsx"],
    stdio: ["ignore", "inherit", "inherit", "ipc"]
  })
  const ready = await answerOf(child)
  return {
    ready,
    ask: (ask) => {
      const answer = answerOf(child)
      child.send(ask)
      return answer
    },
    stop: () =>
      new Promise((done) => {
        child.once("exit", () => done())
        if (child.connected) child.send({ op: "stop" } satisfies Ask)
        else child.kill("SIGKILL")
      })
  }
}
