import { limits } from "./vitest.limits.ts"

const project = (name: string, options: { readonly isolate?: boolean } = {}) => ({
  test: { root: `packages/${name}`, name: `@millrace/${name}`, ...limits, ...options }
})

export default [
  "apps/*",
  // Pure code shares one process: loading Effect anew takes longer than most of these files.
  project("client", { isolate: false }),
  project("contracts", { isolate: false }),
  project("orchestration", { isolate: false }),
  project("host", { isolate: false }),
  project("log"),
  project("providers"),
  project("testing")
]
