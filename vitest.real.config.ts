import { defineConfig } from "vitest/config"

/** The real lane (`pnpm test:real`): real agent binaries, one file at a time so that timings stay honest on two cores. */
export default defineConfig({
  test: {
    fileParallelism: false,
    reporters:
      process.env["CI"] === undefined ? ["default"] : ["default", ["json", { outputFile: ".cache/test-results/real.json" }]],
    // Set explicitly, otherwise vitest.workspace.ts would be used.
    projects: [
      {
        test: {
          name: "real",
          include: ["{packages,apps}/*/{src,test}/**/*.real.ts"],
          // Only a hang lasts so long, on any machine.
          testTimeout: 180_000,
          hookTimeout: 180_000
        }
      }
    ]
  }
})
