import { defineConfig } from "vitest/config"
import projects from "./vitest.workspace.ts"

export default defineConfig({
  test: {
    projects,
    reporters:
      process.env["CI"] === undefined ? ["default"] : ["default", ["json", { outputFile: ".cache/test-results/default.json" }]]
  }
})
