/** The time limits of every test, in one place: `MILLRACE_TEST_SLOWER=3` triples them on a slow or busy machine. */
export const slower = Number(process.env["MILLRACE_TEST_SLOWER"] ?? 1)

/** No test measures speed by its limit: the limit only ends a test that hangs. */
export const limits = { testTimeout: 120_000 * slower, hookTimeout: 180_000 * slower }
