import { useCallback } from 'preact/hooks';
import type { CustomerSummary } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { type Polled, usePolled } from '../api/use-polled.js';

/** The project itself: its name and its id, which nobody else can have. */
export const INTERNAL_CUSTOMER = 'internal';

const CUSTOMERS_MS = 10_000;

export function useCustomers(api: Api): Polled<CustomerSummary[]> {
  return usePolled(
    useCallback(
      async (signal: AbortSignal) =>
        (await api.get<{ customers: CustomerSummary[] }>('/api/customers', signal)).customers,
      [api],
    ),
    CUSTOMERS_MS,
  );
}
