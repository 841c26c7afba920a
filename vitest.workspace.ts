import { limits } from "./vitest.limits.ts"

const project = (name: string, pool: "forks" | "threads" = "forks") => ({
  test: { root: `packages/${name}`, name: `@millrace/${name}`, ...limits, pool }
})

export default [
  "apps/*",
  // Pure code: threads are not isolated (vitest.config.ts), because loading Effect takes longer than most of these files.
  // Tests that start processes run in forks. In threads, the end of a process was once not reported, and the test never ended.
  project("client", "threads"),
  project("contracts", "threads"),
  project("model", "threads"),
  project("orchestration", "threads"),
  project("host"),
  project("log"),
  project("providers"),
  project("testing"),
  project("workspace")
]
