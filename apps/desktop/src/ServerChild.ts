/** A server that belongs to this process: it is ready when `open` resolves, and shuts down in order when this process ends, also by SIGKILL. */
import { type ChildProcess, spawn } from "node:child_process"
import type { Readable } from "node:stream"

export interface Ready {
  readonly url: string
  /** Token for the `Authorization` header, of an administrator. Do not pass it to a page. */
  readonly token: string
  readonly pid: number
  readonly dataDir: string
}

export interface ServerChild extends Ready {
  /** Resolves when the process has exited, for any reason; after `close`, with code 0. */
  readonly ended: Promise<number | NodeJS.Signals | null>
  /** Shuts down in order: turns end, everything is committed, subscribers receive `bye`. At most about 13 seconds. */
  readonly close: () => Promise<number | NodeJS.Signals | null>
}

export interface Options {
  /** Path of `millrace`: the bundle's `main.mjs`. */
  readonly program: string
  readonly dataDir: string
  readonly env?: Readonly<Record<string, string>>
}

const ended = (child: ChildProcess) =>
  new Promise<number | NodeJS.Signals | null>((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)))

/** The line that reports that the server is ready. */
const firstLine = async (lines: Readable): Promise<string> => {
  let text = ""
  for await (const part of lines.setEncoding("utf8")) {
    text += part
    if (text.endsWith("\n")) return text
  }
  throw new Error("The server ended before it was ready. Read its message on standard error.")
}

export const open = async ({ dataDir, env, program }: Options): Promise<ServerChild> => {
  const args = ["serve", "--port", "0", "--data", dataDir, "--ready-fd", "3", "--parent-fd", "4"]
  // Descriptor 4 is never written to: its end reports to the server that this process has exited.
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", 2, 2, "pipe", "pipe"]
  })
  const exited = ended(child)
  const ready = JSON.parse(await firstLine(child.stdio[3] as Readable)) as Ready
  return {
    ...ready,
    ended: exited,
    close: () => {
      ;(child.stdio[4] as Readable).destroy()
      return exited
    }
  }
}
