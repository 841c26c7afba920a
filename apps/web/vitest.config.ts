import { defineConfig } from "vitest/config"
import { limits } from "../../vitest.limits.ts"
import { executable, isThere } from "./test/support/Chromium.ts"

// In CI a browser is required. Elsewhere the tests that need one are skipped with a message.
if (!isThere && process.env["CI"] !== undefined)
  throw new Error(`The page's tests need a browser: there is no ${executable}. Debian: apt-get install chromium`)
if (!isThere) console.warn(`No ${executable}: the page is not tested in a browser. Debian: apt-get install chromium`)

export default defineConfig({
  test: {
    include: ["src/**/*.test.{ts,tsx}", ...(isThere ? ["test/**/*.test.ts"] : ["test/size.test.ts"])],
    globalSetup: ["./test/bundle.ts"],
    ...limits
  }
})
