/** Every adapter of this package passes the kit. */
import { conformance } from "@millrace/adapter-kit/Conformance"
import * as Drivers from "./Drivers.ts"

for (const driver of Drivers.all) conformance(driver)
