import * as EventLogMemory from "./EventLogMemory.ts"
import { suite } from "./EventLogSuite.ts"

suite("EventLogMemory", EventLogMemory.make)
