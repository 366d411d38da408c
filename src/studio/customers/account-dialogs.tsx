import type { Api } from '../api/client.js';
import { type Address, navigate, withQuery } from '../router.js';
import { EventDialog } from './event-dialog.js';
import { InvoiceDialog } from './invoice-dialog.js';

/** Opens one of an account's details: it stands in the address, so that a reload and a link keep it. */
export const showDetail = (address: Address, what: 'event' | 'invoice', id: string | null): void =>
  navigate(withQuery(address, what, id), 'replace');

interface AccountDialogsProps {
  api: Api;
  base: string;
  address: Address;
  seesInvoices: boolean;
  /** Told when unused credit was paid back. Undefined: the reader may not do that. */
  onRefunded?: (() => void) | undefined;
}

/** The usage event or the invoice that stands in the address. */
export function AccountDialogs({ api, base, address, seesInvoices, onRefunded }: AccountDialogsProps) {
  const [event, invoice] = [address.query.get('event'), address.query.get('invoice')];
  if (event !== null) {
    const close = (): void => showDetail(address, 'event', null);
    return <EventDialog api={api} base={base} eventId={event} onClose={close} />;
  }
  if (invoice === null || !seesInvoices) return null;
  const close = (): void => showDetail(address, 'invoice', null);
  return <InvoiceDialog api={api} base={base} number={invoice} onClose={close} onRefunded={onRefunded} />;
}
