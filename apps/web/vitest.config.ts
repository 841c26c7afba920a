import { defineConfig } from "vitest/config"

// The page under test is the one that the bundled program serves.
export default defineConfig({ test: { include: ["{src,test}/**/*.test.{ts,tsx}"], testTimeout: 60_000, hookTimeout: 120_000 } })
