import type { ButtonHTMLAttributes, ReactNode, Ref } from "react";

import { Icon, type IconName } from "../icons";
import { ariaKeys, shownKeys } from "../keymap";
import { isMac } from "../platform";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly look?: "plain" | "primary" | "quiet" | "danger";
  readonly icon?: IconName;
  readonly ref?: Ref<HTMLButtonElement>;
}

/** A button with words. */
export function Button({ look = "plain", icon, children, className = "", ...rest }: ButtonProps): ReactNode {
  return (
    <button type="button" className={`rc-button rc-button--${look} ${className}`} {...rest}>
      {icon !== undefined && <Icon name={icon} />}
      {children}
    </button>
  );
}

interface IconButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly icon: IconName;
  /** What it does: for screen readers, and shown when the pointer rests on it. */
  readonly label: string;
  /** The key that does the same, as the table of keys has it. */
  readonly shortcut?: string;
  readonly pressed?: boolean;
  readonly tip?: "above" | "below" | "none";
  readonly ref?: Ref<HTMLButtonElement>;
}

/** A button with a pictogram alone. */
export function IconButton({
  icon,
  label,
  shortcut,
  pressed,
  tip = "above",
  className = "",
  ...rest
}: IconButtonProps): ReactNode {
  const keys = shortcut === undefined ? "" : `  ${shownKeys(shortcut, isMac()).join(" ")}`;
  return (
    <button
      type="button"
      className={`rc-icon-button ${className}`}
      aria-label={label}
      aria-pressed={pressed}
      aria-keyshortcuts={shortcut === undefined ? undefined : ariaKeys(shortcut, isMac())}
      data-tip={tip === "none" ? undefined : label + keys}
      data-tip-side={tip}
      {...rest}
    >
      <Icon name={icon} />
    </button>
  );
}
