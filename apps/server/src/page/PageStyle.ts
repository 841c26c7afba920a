/** The style of the pages that the server generates (`/docs`, `/pair`): a file, because the policy allows nothing inline. */

export const style = `:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); --soft: color-mix(in srgb, currentColor 6%, transparent) }
* { box-sizing: border-box }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.1rem; margin: 0 } h2 { font-size: .95rem; margin: 0 0 .5rem }
p { margin: .6rem 1rem }
main.docs { max-width: 60rem; margin: 0 auto; padding: 1rem }
pre { overflow: auto; background: var(--soft); padding: .6rem; border-radius: .4rem } details { margin: .3rem 0 }
`
