/** What every section of the business page is given, and the small pieces they share. */
import type { BusinessReport } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { useLocale } from '../i18n/locale.js';
import { Empty } from '../parts/panel.js';

export interface SectionProps {
  report: BusinessReport;
  api: Api;
  dark: boolean;
}

export function NoFile() {
  const { text } = useLocale();
  return <Empty title={text.business.noFile} hint={text.business.noFileHint} />;
}
