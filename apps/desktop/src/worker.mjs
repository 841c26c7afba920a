// The sources of this checkout are TypeScript; a bundled application starts its worker directly.
import { register } from "tsx/esm/api"

register()
await import("./worker.ts")
