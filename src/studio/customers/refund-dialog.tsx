import { useState } from 'preact/hooks';
import type { Api } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { useLocale } from '../i18n/locale.js';
import { Dialog } from '../parts/dialog.js';
import { Form, TextField } from '../parts/field.js';

interface RefundDialogProps {
  api: Api;
  base: string;
  /** An invoice for credit. */
  number: string;
  onClose: () => void;
  onDone: () => void;
}

/** Unused credit goes back as money. */
export function RefundDialog({ api, base, number, onClose, onDone }: RefundDialogProps) {
  const { text } = useLocale();
  const [amount, setAmount] = useState('');
  const [reason, setReason] = useState('');
  const refunding = useAction(async () => {
    await api.post(`${base}/invoices/${encodeURIComponent(number)}/refund`, {
      ...(amount.trim() === '' ? {} : { amount: amount.trim() }),
      reason: reason.trim(),
    });
    onDone();
  });
  return (
    <Dialog title={text.refund.title(number)} onClose={onClose}>
      <p class="dialog-text">{text.refund.why}</p>
      <Form
        submit={text.refund.submit}
        busy={refunding.busy}
        failure={refunding.failure}
        danger
        onSubmit={() => void refunding.run()}
      >
        <TextField
          label={text.refund.amount}
          hint={text.refund.amountHint}
          inputMode="decimal"
          pattern="[0-9]+([.][0-9]{1,2})?"
          autocomplete="off"
          value={amount}
          onValue={setAmount}
        />
        <TextField
          label={text.refund.reason}
          hint={text.refund.reasonHint}
          required
          maxLength={500}
          autocomplete="off"
          value={reason}
          onValue={setReason}
        />
      </Form>
    </Dialog>
  );
}
