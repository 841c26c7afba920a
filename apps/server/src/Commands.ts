/** Completes a command that a client sent. */
import type { Command } from "@millrace/contracts/Command"

/** Fills in the directory that the server was started in when a new thread has neither a project nor a directory. */
export const withDefaultCwd = (command: Command): Command =>
  command.type === "thread.create" && command.projectId === undefined && command.cwd === undefined
    ? { ...command, cwd: process.cwd() }
    : command
