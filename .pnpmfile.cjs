// Into a file or a pipe pnpm prints a line for each second of an install: `pnpm start` of a fresh clone would print 50 lines. There it prints only warnings
// and errors. Before Node 22.13 an install compiles the SQLite driver, and its output says why that failed (packages/sqlite-driver/install.cjs).
const [major, minor] = process.versions.node.split(".").map(Number)
const compiles = major < 22 || (major === 22 && minor < 13)
const updateConfig = (config) => (process.stdout.isTTY || process.env.CI || compiles ? config : { ...config, loglevel: "warn" })

module.exports = { hooks: { updateConfig } }
