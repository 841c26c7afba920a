/** The time at which a front end draws: the next animation frame, or 50 ms later if there is none, as in a hidden page or without a page. */

const hiddenMillis = 50

/** Calls `draw` once, later. If the page becomes hidden before its frame, the timer calls `draw`. */
export const nextFrame = (draw: () => void): void => {
  const { cancelAnimationFrame, requestAnimationFrame } = globalThis as Partial<{
    readonly requestAnimationFrame: (draw: () => void) => number
    readonly cancelAnimationFrame: (frame: number) => void
  }>
  let frame: number | undefined
  const timer = setTimeout(() => {
    if (frame !== undefined) cancelAnimationFrame?.(frame)
    draw()
  }, hiddenMillis)
  frame = requestAnimationFrame?.(() => {
    clearTimeout(timer)
    draw()
  })
}
