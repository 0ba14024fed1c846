import type { ButtonHTMLAttributes, ReactNode, Ref } from "react";

import { Icon, type IconName } from "../icons";

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
  /** The key that does the same. */
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
  return (
    <button
      type="button"
      className={`rc-icon-button ${className}`}
      aria-label={label}
      aria-pressed={pressed}
      aria-keyshortcuts={shortcut}
      data-tip={tip === "none" ? undefined : shortcut === undefined ? label : `${label}  ${shortcut}`}
      data-tip-side={tip}
      {...rest}
    >
      <Icon name={icon} />
    </button>
  );
}
