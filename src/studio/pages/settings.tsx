import type { FunctionComponent } from 'preact';
import type { Permission } from '../../company/gateway/api-types.js';
import type { Dictionary } from '../i18n/dictionary.js';
import { useLocale } from '../i18n/locale.js';
import { mayDo, type PageProps } from '../pages.js';
import { PageHead } from '../parts/page-head.js';
import { Link } from '../router.js';
import { AuditLogPanel } from '../settings/audit-log-panel.js';
import { PromptsPanel } from '../settings/prompts-panel.js';
import { ServerPanel } from '../settings/server-panel.js';
import { UsersPanel } from '../settings/users-panel.js';
import { YouPanel } from '../settings/you-panel.js';

interface Section {
  readonly path: string;
  readonly name: keyof Dictionary['settings']['sections'];
  readonly needs: Permission | null;
  readonly Panel: FunctionComponent<PageProps>;
}

const SECTIONS: readonly Section[] = [
  { path: '/settings', name: 'you', needs: null, Panel: YouPanel },
  { path: '/settings/users', name: 'users', needs: 'users', Panel: UsersPanel },
  { path: '/settings/server', name: 'server', needs: 'upstreams', Panel: ServerPanel },
  { path: '/settings/audit-log', name: 'audit', needs: 'audit-log', Panel: AuditLogPanel },
  { path: '/settings/prompts', name: 'prompts', needs: 'prompts', Panel: PromptsPanel },
];

/** One's own account, and what the owner keeps in order. */
export function SettingsPage(props: PageProps) {
  const { text } = useLocale();
  const open = SECTIONS.filter(({ needs }) => mayDo(props.session, needs));
  const section = open.find(({ path }) => path === props.address.path) ?? open[0];
  if (section === undefined) return null;
  return (
    <>
      <PageHead title={text.settings.sections[section.name]} above={<span class="back">{text.pages.settings}</span>} />
      {open.length > 1 && (
        <nav class="tabs" aria-label={text.pages.settings}>
          {open.map(({ path, name }) => (
            <Link key={path} class="tab" href={path} current={path === section.path}>
              {text.settings.sections[name]}
            </Link>
          ))}
        </nav>
      )}
      <section.Panel key={section.path} {...props} />
    </>
  );
}
