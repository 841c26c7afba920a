/** When a front end draws: at the next animation frame, and after 50 ms where there is none, as in a hidden page or without a page. */

const hiddenMillis = 50

/** Calls `draw` once, later. A page that becomes hidden before its frame gets the call by the timer. */
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
