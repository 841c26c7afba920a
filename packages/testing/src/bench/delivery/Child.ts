/** A server process of the bench, and requests to it. */
import { type ChildProcess, execFileSync, fork } from "node:child_process"
import { join, resolve } from "node:path"
import type { Answer, Ask } from "./Messages.ts"

export interface Child {
  readonly ready: Answer
  readonly ask: (ask: Ask) => Promise<Answer>
  readonly stop: () => Promise<void>
}

const answerOf = (child: ChildProcess): Promise<Answer> =>
  new Promise((done, failed) => {
    const onExit = () => failed(new Error("the server process of the bench ended"))
    child.once("exit", onExit)
    child.once("message", (message) => {
      child.off("exit", onExit)
      const answer = message as Answer
      if (answer.error === undefined) done(answer)
      else failed(new Error(answer.error))
    })
  })

const testing = resolve(import.meta.dirname, "../../..")

/** Starts a module of this folder, bundled like the program. Returns when it reports that it is ready. */
export const start = async (module: "server" | "bare", args: ReadonlyArray<string> = []): Promise<Child> => {
  const bundled = join(testing, `.cache/${module}.cjs`)
  execFileSync(process.execPath, [join(testing, "../../scripts/bundle.mjs"), join(import.meta.dirname, `${module}.ts`), bundled])
  const child = fork(bundled, args, {
    execArgv: ["--expose-gc"],
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
