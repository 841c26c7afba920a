/** Slices of synchronous work on the event loop. */

/** How long a slice may hold the event loop is 10 ms; this leaves room for a slice that takes longer than the one before. */
export const targetMillis = 3

/** The same while other work uses the event loop: short in comparison with the 2 to 5 ms of an append. */
export const shortMillis = 0.5

/**
 * Runs a slice of a number of units, and chooses that number so that a slice takes about `target` milliseconds: it grows at most twofold, and shrinks at
 * once. `least`, `most`: bounds of the number; a first slice has `least`.
 */
export const slices = (least: number, most: number) => {
  let size = least
  /** Milliseconds that one unit took in the last slice. */
  let perUnit: number | undefined
  return <A>(run: (size: number) => A, target = targetMillis): A => {
    if (perUnit !== undefined) size = Math.round(Math.min(most, Math.max(least, Math.min(size * 2, target / perUnit))))
    const began = performance.now()
    try {
      return run(size)
    } finally {
      perUnit = (performance.now() - began) / size
    }
  }
}
