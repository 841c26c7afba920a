/** The icons of the page as SVG paths: they need no font and no request. */
const paths = {
  threads: "M4 5h16M4 12h16M4 19h10",
  requests: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM9.5 9.2a2.6 2.6 0 1 1 3.6 2.4c-.8.4-1.1.9-1.1 1.8M12 17h.01",
  log: "M4 6h3M10 6h10M4 12h3M10 12h10M4 18h3M10 18h10",
  agents: "M9 3v3M15 3v3M9 18v3M15 18v3M3 9h3M3 15h3M18 9h3M18 15h3M7 7h10v10H7z",
  sessions: "M3 12h4l3-8 4 16 3-8h4",
  settings: "M4 7h10M18 7h2M4 17h2M10 17h10M14 5v4M8 15v4",
  plus: "M12 5v14M5 12h14",
  back: "M15 5l-7 7 7 7",
  up: "M6 14l6-6 6 6",
  down: "M6 10l6 6 6-6",
  close: "M6 6l12 12M18 6L6 18",
  edit: "M4 20h4L19 9l-4-4L4 16v4M13.5 6.5l4 4",
  send: "M12 20V5M5 12l7-7 7 7",
  stop: "M7 7h10v10H7z",
  steer: "M4 19c0-8 4-11 12-11M12 3l5 5-5 5",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  archive: "M4 4h16v5H4zM6 9v11h12V9M10 13h4",
  promote: "M12 19V9M6 13l6-6 6 6M5 4h14",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14ZM16 16l5 5",
  attach: "M20 11l-8.5 8.5a5 5 0 0 1-7-7L13 4a3.4 3.4 0 0 1 4.8 4.8l-8.4 8.4a1.7 1.7 0 0 1-2.4-2.4L15 7",
  file: "M6 3h8l5 5v13H6zM14 3v5h5",
  theme: "M12 4a8 8 0 1 0 8 8 6 6 0 0 1-8-8Z"
} as const

export type IconName = keyof typeof paths

export const Icon = ({ name }: { readonly name: IconName }) => (
  <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    <path d={paths[name]} />
  </svg>
)
