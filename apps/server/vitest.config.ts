import { defineConfig } from "vitest/config"
import { limits } from "../../vitest.limits.ts"

// The program under test is the built one that users run.
export default defineConfig({ test: { ...limits, globalSetup: ["./test/bundle.ts"] } })
