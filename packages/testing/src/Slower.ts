/** Factor for every time limit of the tests: `MILLRACE_TEST_SLOWER=3` triples them on a slow or busy machine. */
export const slower = Number(process.env["MILLRACE_TEST_SLOWER"] ?? 1)
