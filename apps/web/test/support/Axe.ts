/** Scans of a page with axe. */
import axe from "axe-core"
import { Effect } from "effect"
import type { Page } from "playwright-core"
import type { Device } from "./Browser.ts"

/** The serious and critical violations that axe finds, with their elements. */
const findings = async (page: Page): Promise<ReadonlyArray<string>> => {
  // Waits for animations to end: colours in the middle of a fade are not the final ones.
  await page.evaluate(async () => {
    await Promise.all(
      document.getAnimations().flatMap((one) => (one.effect?.getTiming().iterations === Infinity ? [] : [one.finished]))
    )
  })
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { readonly axe: typeof axe }).axe.run(document, { resultTypes: ["violations"] })
  )
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 200)} ${node.any[0]?.message ?? ""}`))
}

/** The page's security policy forbids injected scripts; the debugger can evaluate code without one. */
export const scan = (device: Device, name: string) =>
  Effect.promise(async () => {
    await device.page.evaluate(axe.source)
    return (await findings(device.page)).map((one) => `${name}: ${one}`)
  })
