import { defineConfig } from "vitest/config"

/** The real lane (`pnpm test:real`): real agent binaries, one file at a time so that timings stay honest on two cores. */
export default defineConfig({
  test: {
    include: ["{packages,apps}/*/{src,test}/**/*.real.ts"],
    fileParallelism: false,
    testTimeout: 20_000,
    hookTimeout: 20_000
  }
})
