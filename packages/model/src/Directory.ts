/** Directories of threads: absolute paths without a slash at the end, as the server resolves them. */

/** Whether the path is the directory or in it. */
export const isWithin = (directory: string, path: string): boolean =>
  path === directory || path.startsWith(directory.endsWith("/") ? directory : `${directory}/`)

/** Whether one of the two directories contains the other. */
export const overlap = (a: string, b: string): boolean => isWithin(a, b) || isWithin(b, a)
