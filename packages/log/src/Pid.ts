/** A separate module, so that it can be imported without the log. */

/** Whether a process with this pid is alive, also one of another user. Only a hint: a later process may have reused the pid. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return cause instanceof Error && "code" in cause && cause.code === "EPERM"
  }
}
