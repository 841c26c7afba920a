import { defineConfig } from "vitest/config"
import { limits } from "../../vitest.limits.ts"

// The child process is the built program that users run.
export default defineConfig({ test: { ...limits, globalSetup: ["../server/test/bundle.ts"] } })
