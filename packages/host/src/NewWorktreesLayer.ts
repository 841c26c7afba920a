/** New worktrees of threads for their sessions: their ports, and the setup command of the project as a child process. */
import { NewWorktrees, type ShellCommand, type ShellOutput } from "@millrace/orchestration/sessions/NewWorktrees"
import * as Environment from "@millrace/providers/process/Environment"
import { Ledger } from "@millrace/providers/process/Ledger"
import * as Spawn from "@millrace/providers/process/Spawn"
import { Worktrees } from "@millrace/workspace/Worktrees"
import { Effect, Layer, Option, Stream } from "effect"

/** Milliseconds that the command has after SIGTERM. */
const termMillis = 2000
const shell = "/bin/sh"

/** The gate of `Spawn` is on standard input, so the command gets an empty one. Both outputs are one, in their order. */
const script = `exec ${shell} -c "$0" 2>&1 </dev/null`

const run = ({ command, secrets, ...options }: ShellCommand): Stream.Stream<ShellOutput, string, Ledger> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const child = yield* Effect.mapError(
        Spawn.spawn({ ...options, command: shell, args: ["-c", script, command] }),
        ({ message }) => message
      )
      yield* Effect.addFinalizer(() =>
        child.hasExited() ? Effect.void : Effect.zipRight(child.signal("SIGTERM"), Spawn.within(child.exited, termMillis))
      )
      const decoder = new TextDecoder()
      const hide = Environment.partRedactor(options.env, secrets)
      const text = (part: string): ShellOutput => ({ _tag: "Text", text: part })
      const output = Stream.repeatEffectOption(
        Effect.flatMap(child.read, (chunk) => (chunk === null ? Effect.fail(Option.none()) : Effect.succeed(chunk)))
      ).pipe(Stream.map((chunk) => hide.next(decoder.decode(chunk, { stream: true }))))
      const last = Stream.sync(() => hide.next(decoder.decode()) + hide.end())
      const ended = Effect.map(Effect.zipRight(child.exited, child.gone), (exit): ShellOutput => ({ _tag: "Ended", ...exit }))
      return Stream.concat(output, last).pipe(
        Stream.filter((part) => part !== ""),
        Stream.map(text),
        Stream.concat(Stream.fromEffect(ended))
      )
    })
  )

/** Needs `Worktrees` and `Ledger`. */
export const layer = Layer.effect(
  NewWorktrees,
  Effect.gen(function* () {
    const worktrees = yield* Worktrees
    const ledger = yield* Ledger
    return NewWorktrees.of({
      find: (cwd) =>
        Effect.flatMap(worktrees.at(cwd), (record) =>
          record === undefined
            ? Effect.succeed(undefined)
            : Effect.map(worktrees.portOf(record.id), (port) => (port === undefined ? {} : { port }))
        ),
      ifNew: (cwd, setUp) =>
        Effect.flatMap(worktrees.at(cwd), (record) => (record === undefined ? Effect.void : worktrees.ifNew(record.id, setUp))),
      run: (command) => Stream.provideService(run(command), Ledger, ledger)
    })
  })
)
