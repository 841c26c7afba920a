/** Whether the process of a pid is alive. A separate module, so that it can be imported without the log. */

/** True also for another user's process, which may not be signalled. A later process may have reused the pid: a hint, not a proof. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return cause instanceof Error && "code" in cause && cause.code === "EPERM"
  }
}
