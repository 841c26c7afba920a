/** Child processes of the tests: bundled once per test file, so that a start takes 0.3 s instead of 1.5 s. */
import { Data, Effect } from "effect"
import { build } from "esbuild"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, rmSync } from "node:fs"
import { join } from "node:path"

const packageRoot = join(import.meta.dirname, "..")

/** Bundles a program and returns its path, which is inside the package so that the program finds the driver. */
export const bundled = (program: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const directory = join(packageRoot, "node_modules", ".cache", `millrace-${process.pid}`)
      mkdirSync(directory, { recursive: true })
      const outfile = join(directory, `${program}.mjs`)
      await build({
        entryPoints: [join(import.meta.dirname, `${program}.ts`)],
        outfile,
        bundle: true,
        platform: "node",
        format: "esm",
        target: "node20",
        external: ["@millrace/sqlite-driver"],
        alias: { "better-sqlite3": "@millrace/sqlite-driver" },
        logLevel: "error",
        banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" }
      })
      return outfile
    }),
    (outfile) => Effect.sync(() => rmSync(outfile, { force: true }))
  )

/** The child ended before it wrote a line. */
export class ChildEnded extends Data.TaggedError("ChildEnded")<{ readonly message: string }> {}

export interface Child {
  readonly process: ChildProcess
  /** The first line of its standard output. Fails with its standard error if it ends before. */
  readonly line: Effect.Effect<string, ChildEnded>
  /** Waits for its end. Returns all of its output, and how it ended. */
  readonly end: Effect.Effect<{
    readonly lines: ReadonlyArray<string>
    readonly error: string
    readonly signal: NodeJS.Signals | null
    readonly code: number | null
  }>
}

/** Killed when the scope closes. */
export const start = (program: string, args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync((): Child => {
      const child = spawn(process.execPath, [program, ...args], { stdio: ["pipe", "pipe", "pipe"] })
      let out = ""
      let err = ""
      let done: { readonly code: number | null; readonly signal: NodeJS.Signals | null } | undefined
      const listeners = new Set<() => void>()
      const changed = () => {
        for (const listener of listeners) listener()
      }
      // A character may be in two chunks.
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
        out += chunk
        changed()
      })
      child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
        err += chunk
      })
      child.on("close", (code, signal) => {
        done = { code, signal }
        changed()
      })
      /** Waits until `look` returns an effect. */
      const when = <A, E>(look: () => Effect.Effect<A, E> | undefined): Effect.Effect<A, E> =>
        Effect.async<A, E>((resume) => {
          const listener = () => {
            const found = look()
            if (found === undefined) return
            listeners.delete(listener)
            resume(found)
          }
          listeners.add(listener)
          listener()
          return Effect.sync(() => void listeners.delete(listener))
        })
      return {
        process: child,
        line: when(() => {
          const at = out.indexOf("\n")
          if (at >= 0) return Effect.succeed(out.slice(0, at))
          return done === undefined ? undefined : Effect.fail(new ChildEnded({ message: `${done.code ?? done.signal}: ${err}` }))
        }),
        end: when(() =>
          done === undefined ? undefined : Effect.succeed({ lines: out.split("\n").slice(0, -1), error: err, ...done })
        )
      }
    }),
    (child) => Effect.sync(() => child.process.kill("SIGKILL"))
  )
