import { limits } from "./vitest.limits.ts"

const project = (name: string, pool: "forks" | "threads" = "forks") => ({
  test: { root: `packages/${name}`, name: `@millrace/${name}`, ...limits, pool }
})

/** `globalSetup` builds the server: its program under test is the one that users run. */
const server = (name: string, folder: "src" | "test", pool: "forks" | "threads") => ({
  test: { root: "apps/server", name, include: [`${folder}/**/*.test.ts`], globalSetup: ["./test/bundle.ts"], ...limits, pool }
})

export default [
  "apps/desktop",
  "apps/web",
  // Threads are not isolated (vitest.config.ts), because loading Effect takes longer than most test files. Tests that measure their process, or replace functions of it, run in forks.
  server("@millrace/server", "test", "forks"),
  server("@millrace/server/src", "src", "threads"),
  project("client", "threads"),
  project("contracts", "threads"),
  project("host", "threads"),
  project("model", "threads"),
  project("orchestration", "threads"),
  project("workspace", "threads"),
  project("log"),
  project("providers"),
  project("testing")
]
