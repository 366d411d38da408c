import type { Api } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { Problem } from './field.js';

interface DownloadProps {
  api: Api;
  path: string;
  /** Under which it is kept. */
  fileName: string;
  shown: string;
  /** Where what is shown says too little. */
  label?: string;
  /** Standing alone, not in a row of a table. */
  asButton?: boolean;
}

/** A link cannot send the key along, so the file is fetched and then handed to the browser. */
export function Download({ api, path, fileName, shown, label, asButton = false }: DownloadProps) {
  const downloading = useAction(async () => {
    const address = URL.createObjectURL(await api.file(path));
    const link = document.createElement('a');
    link.href = address;
    link.download = fileName;
    link.click();
    URL.revokeObjectURL(address);
  });
  return (
    <>
      <Problem failure={downloading.failure} />
      <button
        class={asButton ? 'button' : 'link'}
        type="button"
        aria-label={label}
        disabled={downloading.busy}
        onClick={() => void downloading.run()}
      >
        {shown}
      </button>
    </>
  );
}
