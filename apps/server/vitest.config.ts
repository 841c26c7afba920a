import { defineConfig } from "vitest/config"

// The program under test is the bundle that users run.
export default defineConfig({ test: { globalSetup: ["./test/bundle.ts"] } })
