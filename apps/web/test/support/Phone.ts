/** A page of the width of a phone. */
import { expect } from "@effect/vitest"
import type { Page } from "playwright-core"

const width = 390

export const phone = { viewport: { width, height: 780 }, isMobile: true, hasTouch: true } as const

/** Elements that extend beyond the right edge and are in no scrollable box. */
const beyond = (page: Page) =>
  page.evaluate((width) => {
    const scrolls = (node: Element | null): boolean =>
      node !== null &&
      node !== document.body &&
      (/auto|scroll|hidden|clip/.test(getComputedStyle(node).overflowX) || scrolls(node.parentElement))
    const wide = [...document.body.querySelectorAll("*")].filter(
      (node) => node.getBoundingClientRect().right > width + 1 && !scrolls(node.parentElement)
    )
    return [document.documentElement.scrollWidth, innerWidth, ...wide.map((node) => node.outerHTML.slice(0, 120))]
  }, width)

/** Expects that no element is wider than the screen. `what` names the view in the failure. */
export const fits = async (page: Page, what: string): Promise<void> =>
  expect([what, ...(await beyond(page))]).toEqual([what, width, width])
