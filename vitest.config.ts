import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"
import { limits } from "./vitest.limits.ts"
import projects from "./vitest.workspace.ts"

export default defineConfig({
  test: {
    projects,
    // Threads that are not isolated have large heaps, whose end takes long on a busy machine. The limit only ends one that hangs.
    teardownTimeout: limits.testTimeout,
    // Vitest sets isolation only for a whole pool, not for a project.
    poolOptions: { threads: { isolate: false } },
    // By default one core is kept free, which on two cores is one file at a time.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    reporters:
      process.env["CI"] === undefined ? ["default"] : ["default", ["json", { outputFile: ".cache/test-results/default.json" }]]
  }
})
