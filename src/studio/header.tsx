import type { ComponentChildren } from 'preact';
import { type ViewControls, ViewSwitches } from './view-controls.js';

interface HeaderProps {
  /** What this is: the studio, or the customers' portal. */
  name: string;
  controls: ViewControls;
  /** Whose books these are. */
  project?: string | undefined;
  /** Beside the switches: who is signed in. */
  account?: ComponentChildren;
}

export function Header({ name, controls, project, account }: HeaderProps) {
  return (
    <header class="header">
      <div class="brand">
        <svg class="brand-mark" viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="8" />
          <path d="M8 22V11h4v3h8v-3h4v11" />
        </svg>
        <span class="brand-name">{name}</span>
        {project !== undefined && <span class="brand-project">{project}</span>}
      </div>
      <div class="header-side">
        <ViewSwitches controls={controls} />
        {account}
      </div>
    </header>
  );
}

/** Who is signed in, and the way out. */
export function Account({ who, note, signOut, onSignOut }: AccountProps) {
  return (
    <div class="account">
      <span class="account-who">
        <span class="account-name">{who}</span>
        <span class="account-note">{note}</span>
      </span>
      <button class="button button-small" type="button" onClick={onSignOut}>
        {signOut}
      </button>
    </div>
  );
}

interface AccountProps {
  who: string;
  note: string;
  /** The button's text. */
  signOut: string;
  onSignOut: () => void;
}
