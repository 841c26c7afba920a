export default ["apps/*", "packages/!(sqlite-driver)"]
