/** Whether the process of a pid is alive: an edge, and a look without any of the log's own imports. */

/** True also for another user's process, which may not be signalled. A pid may have gone to a later process: a hint, not a proof. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return cause instanceof Error && "code" in cause && cause.code === "EPERM"
  }
}
