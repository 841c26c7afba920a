/** What the server adds to a command that a client sent. */
import type { Command } from "@millrace/contracts/Command"

/** A thread that names neither a project nor a directory belongs to the directory that the server was started in. */
export const complete = (command: Command): Command =>
  command.type === "thread.create" && command.projectId === undefined && command.cwd === undefined
    ? { ...command, cwd: process.cwd() }
    : command
