/** Fields of panels and dialogs, each with its label. Values go out when they are whole: on change, or on leaving. */

import { useId, useState, type KeyboardEvent, type ReactNode } from "react";

interface FieldProps {
  readonly label: string;
  readonly hint?: string;
  readonly children: (id: string) => ReactNode;
}

/** A label beside what it names. */
export function Field({ label, hint, children }: FieldProps): ReactNode {
  const id = useId();
  return (
    <div className="rc-field">
      <label htmlFor={id} className="rc-field__label">
        {label}
        {hint !== undefined && <small>{hint}</small>}
      </label>
      <div className="rc-field__control">{children(id)}</div>
    </div>
  );
}

interface SegmentedProps<T extends string> {
  readonly label: string;
  readonly value: T;
  readonly options: readonly { readonly value: T; readonly text: ReactNode; readonly title?: string }[];
  readonly onChange: (value: T) => void;
  readonly disabled?: boolean;
}

/** One of few: radio buttons that look like a row of keys. */
export function Segmented<T extends string>(props: SegmentedProps<T>): ReactNode {
  const name = useId();
  return (
    <div className="rc-segmented" role="radiogroup" aria-label={props.label}>
      {props.options.map(({ value, text, title }) => (
        <label key={value} title={title} className="rc-segmented__option">
          <input
            type="radio"
            name={name}
            value={value}
            checked={props.value === value}
            disabled={props.disabled}
            onChange={() => props.onChange(value)}
          />
          <span>{text}</span>
        </label>
      ))}
    </div>
  );
}

interface SwitchProps {
  readonly id?: string;
  readonly label?: string;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
}

export function Switch({ id, label, checked, onChange }: SwitchProps): ReactNode {
  return (
    <input
      id={id}
      type="checkbox"
      role="switch"
      className="rc-switch"
      aria-label={label}
      checked={checked}
      onChange={(event) => onChange(event.target.checked)}
    />
  );
}

interface SliderProps {
  readonly id?: string;
  readonly label?: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly told: (value: number) => string;
  readonly onChange: (value: number) => void;
  /** The pointer was let go, or the field left. */
  readonly onSettle?: () => void;
}

export function Slider({ id, label, value, min, max, step, told, onChange, onSettle }: SliderProps): ReactNode {
  const share = (value - min) / (max - min);
  return (
    <div className="rc-slider">
      <input
        id={id}
        type="range"
        aria-label={label}
        aria-valuetext={told(value)}
        min={min}
        max={max}
        step={step}
        value={value}
        style={{ "--share": share }}
        onChange={(event) => onChange(Number(event.target.value))}
        onPointerUp={onSettle}
        onKeyUp={onSettle}
        onBlur={onSettle}
      />
      <output>{told(value)}</output>
    </div>
  );
}

interface TextFieldProps {
  readonly id?: string;
  readonly label?: string;
  readonly value: string;
  /** Gives what was typed; where nothing comes of it, `value` is shown again. */
  readonly onCommit: (text: string) => void;
  readonly placeholder?: string;
  readonly inputMode?: "text" | "decimal" | "numeric";
  readonly className?: string;
  readonly suffix?: string;
  readonly maxLength?: number;
}

/** Text that counts when Enter is pressed or the field is left; Escape takes it back. */
export function TextField({ value, onCommit, className = "", suffix, label, ...rest }: TextFieldProps): ReactNode {
  const [draft, setDraft] = useState<string | null>(null);
  const commit = () => {
    if (draft !== null && draft !== value) onCommit(draft);
    setDraft(null);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.key === "Enter") event.currentTarget.blur();
    if (event.key !== "Escape" || draft === null) return;
    event.stopPropagation();
    event.preventDefault(); // else it closes the dialog that the field is in
    setDraft(null);
  };
  return (
    <span className={`rc-text-field ${className}`}>
      <input
        type="text"
        {...rest}
        aria-label={label}
        value={draft ?? value}
        onChange={(event) => setDraft(event.target.value)}
        onFocus={(event) => event.target.select()}
        onBlur={commit}
        onKeyDown={onKeyDown}
      />
      {suffix !== undefined && <span aria-hidden="true">{suffix}</span>}
    </span>
  );
}

interface NumberFieldProps {
  readonly id?: string;
  readonly label?: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly suffix?: string;
  readonly onCommit: (value: number) => void;
}

export function NumberField({ value, min, max, onCommit, ...rest }: NumberFieldProps): ReactNode {
  const commit = (text: string) => {
    const number = Number(text.replace(",", "."));
    if (text.trim() !== "" && Number.isFinite(number)) onCommit(Math.min(max, Math.max(min, number)));
  };
  return (
    <TextField {...rest} value={String(value)} onCommit={commit} inputMode="decimal" className="rc-number-field" />
  );
}

interface SelectProps<T extends string> {
  readonly id?: string;
  readonly label?: string;
  readonly value: T;
  readonly options: readonly { readonly value: T; readonly text: string }[];
  readonly onChange: (value: T) => void;
}

export function Select<T extends string>({ id, label, value, options, onChange }: SelectProps<T>): ReactNode {
  return (
    <span className="rc-select">
      <select id={id} aria-label={label} value={value} onChange={(event) => onChange(event.target.value as T)}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.text}
          </option>
        ))}
      </select>
    </span>
  );
}

interface ColourFieldProps {
  readonly id?: string;
  readonly label?: string;
  readonly value: string;
  readonly onChange: (colour: string) => void;
  readonly onSettle: () => void;
}

/** A colour to pick, and to type. */
export function ColourField({ id, label, value, onChange, onSettle }: ColourFieldProps): ReactNode {
  const commit = (text: string) => {
    const found = /^#?([0-9a-f]{6})$/i.exec(text.trim());
    if (found?.[1] !== undefined) onChange(`#${found[1].toLowerCase()}`);
  };
  return (
    <span className="rc-colour">
      <input
        id={id}
        type="color"
        aria-label={label}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        onBlur={onSettle}
      />
      <TextField label="As hexadecimal" value={value} onCommit={commit} maxLength={7} />
    </span>
  );
}
