import { defineConfig } from "vitest/config"

// The child is the bundle that users run.
export default defineConfig({ test: { globalSetup: ["../server/test/bundle.ts"] } })
