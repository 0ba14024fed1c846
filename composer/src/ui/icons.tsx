/** Pictograms on a grid of 16, drawn with a stroke of 1.5 in the text's colour. They say nothing to screen readers. */

import type { ReactNode } from "react";

import { GLYPHS } from "./glyphs";

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }): ReactNode {
  return (
    <svg className="rc-icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      {PATHS[name]}
    </svg>
  );
}

const PATHS = {
  play: <path className="rc-fill" d="M5 3.2v9.6c0 .5.5.8.9.5l7.3-4.8c.4-.2.4-.8 0-1L5.9 2.7c-.4-.3-.9 0-.9.5Z" />,
  pause: (
    <>
      <rect className="rc-fill" x="3.5" y="2.5" width="3.2" height="11" rx="0.9" />
      <rect className="rc-fill" x="9.3" y="2.5" width="3.2" height="11" rx="0.9" />
    </>
  ),
  frameBack: <path d="M10.5 3.5 6 8l4.5 4.5M4 3.5v9" />,
  frameForward: <path d="M5.5 3.5 10 8l-4.5 4.5M12 3.5v9" />,
  toStart: <path d="M12.5 3.5 8 8l4.5 4.5M7.5 3.5 3 8l4.5 4.5" />,
  toEnd: <path d="M3.5 3.5 8 8l-4.5 4.5M8.5 3.5 13 8l-4.5 4.5" />,
  undo: <path d="M5.5 3 2.5 6l3 3M2.8 6h6.4a3.8 3.8 0 0 1 0 7.5H6" />,
  redo: <path d="m10.5 3 3 3-3 3M13.2 6H6.8a3.8 3.8 0 0 0 0 7.5H10" />,
  pin: <path d={GLYPHS.pin} />,
  eye: <path d={GLYPHS.eye} />,
  eyeOff: <path d={GLYPHS.eyeOff} />,
  sound: <path d={GLYPHS.sound} />,
  muted: <path d={GLYPHS.muted} />,
  layout: <path d="M2.5 3h11v10h-11zM2.5 9.5h11M6.2 9.5V13M9.8 9.5V13" />,
  people: (
    <>
      <circle cx="6" cy="5.5" r="2.5" />
      <path d="M1.5 13.2c.3-2.5 2-4 4.5-4s4.2 1.5 4.5 4M10.5 3.3a2.4 2.4 0 0 1 0 4.5M12 9.6c1.5.5 2.4 1.8 2.6 3.6" />
    </>
  ),
  style: (
    <path d="M2.5 4.5h6M12 4.5h1.5M2.5 8H4M7.5 8h6M2.5 11.5h5M11 11.5h2.5M8.6 4.5a1.7 1.7 0 1 0 3.4 0 1.7 1.7 0 0 0-3.4 0ZM4 8a1.7 1.7 0 1 0 3.5 0A1.7 1.7 0 0 0 4 8ZM7.5 11.5a1.7 1.7 0 1 0 3.5 0 1.7 1.7 0 0 0-3.5 0Z" />
  ),
  events: <path d="M5.5 4h8M5.5 8h8M5.5 12h8M2.6 4h.01M2.6 8h.01M2.6 12h.01" />,
  text: <path d={GLYPHS.text} />,
  image: <path d="M2.5 3h11v10h-11zM2.5 11l3.2-3.3 2.5 2.4 2-2 3.3 3.2M6 5.8h.01" />,
  place: <path d={GLYPHS.place} />,
  release: <path d={GLYPHS.release} />,
  front: <path d="M5.5 5.5h8v8h-8zM10.5 5.3V2.5h-8v8h2.8" />,
  fit: <path d="M2.5 3.5h11v9h-11zM5.5 6.2v3.6M10.5 6.2v3.6" />,
  trash: <path d="M2.8 4.3h10.4M6 4.2V2.6h4v1.6M4.2 4.5l.6 8.9h6.4l.6-8.9M6.7 7v3.9M9.3 7v3.9" />,
  close: <path d="m3.5 3.5 9 9M12.5 3.5l-9 9" />,
  check: <path d="m3 8.5 3.3 3.3L13 4.8" />,
  plus: <path d="M8 3v10M3 8h10" />,
  minus: <path d="M3 8h10" />,
  expand: <path d="M1.8 8h12.4M4.5 5 1.5 8l3 3M11.5 5l3 3-3 3" />,
  help: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M6.2 6.3c.1-1.1.8-1.7 1.8-1.7s1.8.6 1.8 1.5c0 1.5-1.8 1.4-1.8 2.9M8 11.4h.01" />
    </>
  ),
  proof: <path d="M2.5 3.5h11v9h-11zM8 2v12M10 6h1.5M10 8h1.5M10 10h1.5" />,
  exportOut: <path d="M8 10V2.5M5 5.3l3-2.9 3 2.9M3 9.5v3.6h10V9.5" />,
  download: <path d="M8 2.5V10M5 7.2l3 2.9 3-2.9M3 12.2v1.1h10v-1.1" />,
  warning: <path d="M8 2.5 14.3 13.3H1.7L8 2.5ZM8 6.6v3.2M8 11.5h.01" />,
  cloud: <path d="M4.6 12.5h6.9a2.7 2.7 0 0 0 .4-5.4 4 4 0 0 0-7.7-.6 3 3 0 0 0 .4 6Z" />,
  screen: <path d="M2 3h12v8H2zM6 13.5h4M8 11v2.5" />,
  camera: <path d="M2 4.5h8v7H2zM10 7l4-2v6l-4-2" />,
  cameraOff: <path d="M6.5 4.5H10v3.2L14 5v6M10 11.5H2v-7h.8M2.5 2.5l11 11" />,
  trimIn: <path d="M7 3H4v10h3M12 8H7.5M9 6 7 8l2 2" />,
  trimOut: <path d="M9 3h3v10H9M4 8h4.5M7 6l2 2-2 2" />,
  chevron: <path d="m4 6 4 4 4-4" />,
  more: <path d="M3.5 8h.01M8 8h.01M12.5 8h.01" />,
  reload: <path d="M13 8a5 5 0 1 1-1.6-3.7M13.2 2.5v2.7h-2.7" />,
  lock: <path d="M3.5 7h9v6.5h-9zM5.5 7V5a2.5 2.5 0 0 1 5 0v2" />,
  clock: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M8 4.5V8l2.4 1.6" />
    </>
  ),
  offline: (
    <path d="M2 6.3a9 9 0 0 1 12 0M4.3 8.9a5.6 5.6 0 0 1 7.4 0M6.5 11.4a2.4 2.4 0 0 1 3 0M8 13.5h.01M2.5 2.5l11 11" />
  ),
  film: <path d="M2 3h12v10H2zM5 3v10M11 3v10M2 6.3h3M2 9.7h3M11 6.3h3M11 9.7h3" />,
} as const satisfies Readonly<Record<string, ReactNode>>;
