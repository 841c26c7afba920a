import { slower } from "./packages/testing/src/Slower.ts"

/** The limits only end a test that hangs; no test measures speed by them. */
export const limits = { testTimeout: 300_000 * slower, hookTimeout: 300_000 * slower }
