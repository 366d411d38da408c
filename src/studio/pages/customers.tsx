import { CustomerPage } from '../customers/customer-page.js';
import { CustomerList } from '../customers/customer-list.js';
import type { PageProps } from '../pages.js';

/** All customers, or the one in the address. */
export function CustomersPage(props: PageProps) {
  const [, , id] = props.address.path.split('/');
  return id === undefined ? (
    <CustomerList {...props} />
  ) : (
    <CustomerPage key={id} {...props} customerId={decodeURIComponent(id)} />
  );
}
