module.exports = Number(process.versions.node.split(".")[0]) >= 22 ? require("better-sqlite3-13") : require("better-sqlite3-12")
