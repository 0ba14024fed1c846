/** What is seen instead of the editor: while it loads, and where it cannot be opened. */

import type { ReactNode } from "react";

import { Button } from "../controls/Button";
import { wordsFor } from "../failures";
import { Icon, type IconName } from "../icons";

/** The editor's bones, until there is something to show. */
export function LoadingScreen(): ReactNode {
  return (
    <div className="rc-loading" role="status">
      <i className="rc-bone rc-bone--top" />
      <div className="rc-loading__middle">
        <div className="rc-bone rc-bone--stage">Opening the recording…</div>
        <i className="rc-bone rc-bone--panel" />
      </div>
      <i className="rc-bone rc-bone--timeline" />
    </div>
  );
}

export function FailureScreen({
  error,
  onRetry,
}: {
  readonly error: unknown;
  readonly onRetry: () => void;
}): ReactNode {
  const { icon, title, remedy, canRetry } = wordsFor(error);
  return (
    <Screen icon={icon} title={title} text={remedy}>
      {canRetry && (
        <Button look="primary" icon="reload" onClick={onRetry}>
          Try again
        </Button>
      )}
    </Screen>
  );
}

interface ScreenProps {
  readonly icon: IconName;
  readonly title: string;
  readonly text: ReactNode;
  readonly children?: ReactNode;
}

export function Screen({ icon, title, text, children }: ScreenProps): ReactNode {
  return (
    <div className="rc-screen" role="alert">
      <span className="rc-screen__sign">
        <Icon name={icon} size={22} />
      </span>
      <h1>{title}</h1>
      <p>{text}</p>
      {children}
    </div>
  );
}
