// Removes descriptions of schemas, which only the documents of the server show, from code that runs in a browser.

const isNamed = (node, names) => node.type === "Property" && node.key.type === "Identifier" && names.has(node.key.name)
const documentary = new Set(["description", "jsonSchema", "title", "examples"])

/** The nodes below `node`, with `node`. */
function* nodes(node) {
  yield node
  for (const value of Object.values(node))
    for (const child of Array.isArray(value) ? value : [value])
      if (typeof child === "object" && child !== null && typeof child.type === "string") yield* nodes(child)
}

/** JavaScript code, of which `tree` is the syntax tree, whose `.annotations({ ... })` have no descriptions; without the call if nothing is left of it. */
export const undescribed = (code, tree) => {
  const cuts = []
  for (const node of nodes(tree)) {
    if (node.type !== "CallExpression" || node.arguments.length !== 1) continue
    const { callee } = node
    const [given] = node.arguments
    if (callee.type !== "MemberExpression" || callee.property.name !== "annotations" || given.type !== "ObjectExpression")
      continue
    const unwanted = given.properties.filter((each) => isNamed(each, documentary))
    if (unwanted.length === given.properties.length) cuts.push([callee.object.end, node.end])
    else for (const { end, start } of unwanted) cuts.push([start, end + /^(\s*,)?/.exec(code.slice(end))[0].length])
  }
  return cuts.toSorted(([a], [b]) => b - a).reduce((text, [start, end]) => text.slice(0, start) + text.slice(end), code)
}
