/** Slices of synchronous work on the event loop. */

/** How long a slice may hold the event loop is 10 ms; this leaves room for a slice that takes longer than the one before. */
const targetMillis = 3

/**
 * Runs a slice of a number of units, and chooses that number so that a slice takes about 3 ms: it grows at most twofold, and shrinks at once. `least`,
 * `most`: bounds of the number; a first slice has `least`.
 */
export const slices = (least: number, most: number) => {
  let size = least
  return <A>(run: (size: number) => A): A => {
    const began = performance.now()
    try {
      return run(size)
    } finally {
      const millis = performance.now() - began
      size = Math.round(Math.min(most, Math.max(least, size * Math.min(2, targetMillis / millis))))
    }
  }
}
