import type { PassportSummary } from '../../company/gateway/api-types.js';
import { useLocale } from '../i18n/locale.js';
import { Panel } from '../parts/panel.js';

/** From what the corpus was made, by hash, and under which settings. */
export function PassportPanel({ passport }: { passport: PassportSummary }) {
  const { text, format } = useLocale();
  const { outputs, settings, files, fileCount } = passport;
  return (
    <Panel title={text.data.passportTitle} area="wide">
      <p class="lead">{text.data.passportHint}</p>
      <h3 class="part-title">{text.data.outputs}</h3>
      <Hashes files={outputs.map(({ name, ...file }) => ({ origin: name, ...file }))} />
      <details class="part">
        <summary class="part-title">{text.data.settings}</summary>
        <dl class="pairs">
          {settings.map(({ name, value }) => (
            <div class="pair" key={name}>
              <dt>
                <code>{name}</code>
              </dt>
              <dd class="pair-value">
                <code>{value}</code>
              </dd>
            </div>
          ))}
        </dl>
      </details>
      <details class="part">
        <summary class="part-title">{text.data.inputs(format.integer(fileCount))}</summary>
        <Hashes files={files} />
        {files.length < fileCount && <p class="footnote">{text.data.firstOf(format.integer(files.length))}</p>}
      </details>
    </Panel>
  );
}

function Hashes({ files }: Pick<PassportSummary, 'files'>) {
  const { format } = useLocale();
  return (
    <ul class="hashes">
      {files.map(({ origin, sizeBytes, sha256 }) => (
        <li class="hash" key={origin}>
          <code>{origin}</code>
          <span class="soft">{format.bytes(sizeBytes)}</span>
          <code class="hash-value">{sha256}</code>
        </li>
      ))}
    </ul>
  );
}
