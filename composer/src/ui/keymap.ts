/** Which key does what. Pure: an event-like value in, a command out. The help sheet is made from the same table. */

export type Command =
  | "play"
  | "pause"
  | "shuttleBack"
  | "shuttleForward"
  | "frameBack"
  | "frameForward"
  | "secondBack"
  | "secondForward"
  | "previousEvent"
  | "nextEvent"
  | "start"
  | "end"
  | "trimIn"
  | "trimOut"
  | "clearTrim"
  | "undo"
  | "redo"
  | "save"
  | "export"
  | "pin"
  | "hide"
  | "mute"
  | "remove"
  | "deselect"
  | "text"
  | "proof"
  | "zoomIn"
  | "zoomOut"
  | "zoomFit"
  | "help"
  | "layout1"
  | "layout2"
  | "layout3"
  | "layout4"
  | "layout5"
  | "layout6"
  | "layout7"
  | "nudgeLeft"
  | "nudgeRight"
  | "nudgeUp"
  | "nudgeDown";

export interface Stroke {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly shiftKey: boolean;
  readonly altKey: boolean;
}

export interface Binding {
  readonly key: string;
  readonly command: Command;
  readonly says: string;
}

export interface BindingGroup {
  readonly name: string;
  readonly bindings: readonly Binding[];
}

/** `Mod` is Ctrl, or ⌘ on a Mac. Several bindings with one text stand in one line of the help sheet. */
export const BINDINGS: readonly BindingGroup[] = [
  {
    name: "Play",
    bindings: [
      bind("Space", "play", "Play or pause"),
      bind("J", "shuttleBack", "Backwards; again: faster"),
      bind("K", "pause", "Pause"),
      bind("L", "shuttleForward", "Forwards; again: faster"),
    ],
  },
  {
    name: "Move the playhead",
    bindings: [
      bind("ArrowLeft", "frameBack", "One frame"),
      bind("ArrowRight", "frameForward", "One frame"),
      bind("Shift+ArrowLeft", "secondBack", "One second"),
      bind("Shift+ArrowRight", "secondForward", "One second"),
      bind("ArrowUp", "previousEvent", "Event before or after"),
      bind("ArrowDown", "nextEvent", "Event before or after"),
      bind("Home", "start", "Start or end"),
      bind("End", "end", "Start or end"),
    ],
  },
  {
    name: "Compose from the playhead on",
    bindings: [
      bind("1", "layout1", "Layouts, in the order of the palette"),
      bind("2", "layout2", "Layouts, in the order of the palette"),
      bind("3", "layout3", "Layouts, in the order of the palette"),
      bind("4", "layout4", "Layouts, in the order of the palette"),
      bind("5", "layout5", "Layouts, in the order of the palette"),
      bind("6", "layout6", "Layouts, in the order of the palette"),
      bind("7", "layout7", "Layouts, in the order of the palette"),
      bind("P", "pin", "Pin or unpin the selected tile"),
      bind("H", "hide", "Hide the selected peer"),
      bind("M", "mute", "Mute or unmute the selected peer"),
      bind("T", "text", "Add a text"),
      bind("Delete", "remove", "Remove the selected event, or release the placed tile"),
      bind("Backspace", "remove", "Remove the selected event, or release the placed tile"),
      bind("Alt+ArrowLeft", "nudgeLeft", "Move the selected tile"),
      bind("Alt+ArrowRight", "nudgeRight", "Move the selected tile"),
      bind("Alt+ArrowUp", "nudgeUp", "Move the selected tile"),
      bind("Alt+ArrowDown", "nudgeDown", "Move the selected tile"),
    ],
  },
  {
    name: "Trim",
    bindings: [
      bind("I", "trimIn", "Export starts here"),
      bind("O", "trimOut", "Export ends here"),
      bind("X", "clearTrim", "Export everything"),
    ],
  },
  {
    name: "Work",
    bindings: [
      bind("Mod+Z", "undo", "Undo"),
      bind("Mod+Shift+Z", "redo", "Redo"),
      bind("Mod+Y", "redo", "Redo"),
      bind("Mod+S", "save", "Save now"),
      bind("Mod+E", "export", "Export"),
      bind("F", "proof", "Proof frame: the export’s own picture"),
      bind("+", "zoomIn", "Zoom the timeline"),
      bind("=", "zoomIn", "Zoom the timeline"),
      bind("-", "zoomOut", "Zoom the timeline"),
      bind("0", "zoomFit", "Show the whole timeline"),
      bind("Escape", "deselect", "Deselect, close"),
      bind("?", "help", "This sheet"),
    ],
  },
];

const COMMANDS: ReadonlyMap<string, Command> = new Map(
  BINDINGS.flatMap((group) => group.bindings).map(({ key, command }) => [key, command]),
);

/** What a key stroke asks for; null for one that means nothing here. */
export function commandOf(stroke: Stroke): Command | null {
  return COMMANDS.get(named(stroke)) ?? null;
}

/** A stroke as the table writes it. */
function named({ key, ctrlKey, metaKey, shiftKey, altKey }: Stroke): string {
  const name = key === " " ? "Space" : key.length === 1 ? key.toUpperCase() : key;
  // What Shift makes of a sign key is the key: `?` and `+` are typed with it on many keyboards.
  const shift = shiftKey && (key.length > 1 || key === " " || /[a-z]/i.test(key));
  const parts = [ctrlKey || metaKey ? "Mod" : "", altKey ? "Alt" : "", shift ? "Shift" : "", name];
  return parts.filter((part) => part !== "").join("+");
}

/** Keys as a help sheet shows them. */
export function shownKeys(key: string, isMac: boolean): readonly string[] {
  const signs: Readonly<Record<string, string>> = {
    Mod: isMac ? "⌘" : "Ctrl",
    Alt: isMac ? "⌥" : "Alt",
    Shift: "⇧",
    ArrowLeft: "←",
    ArrowRight: "→",
    ArrowUp: "↑",
    ArrowDown: "↓",
    Escape: "Esc",
    Delete: "Del",
    Backspace: "⌫",
  };
  return (key === "+" ? ["+"] : key.split("+")).map((part) => signs[part] ?? part);
}

/** Keys as `aria-keyshortcuts` wants them. */
export function ariaKeys(key: string, isMac: boolean): string {
  return key === "+" ? "Plus" : key.replace("Mod", isMac ? "Meta" : "Control");
}

function bind(key: string, command: Command, says: string): Binding {
  return { key, command, says };
}
