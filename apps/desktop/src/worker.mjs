// The sources of this checkout are TypeScript; an application that is bundled starts its worker directly.
import { register } from "tsx/esm/api"

register()
await import("./worker.ts")
