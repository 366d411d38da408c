import { useState } from 'preact/hooks';
/** What a corpus holds, in figures and bars. */
import type { DataSummary, NamedTally, TextTally } from '../../company/gateway/api-types.js';
import { useLocale } from '../i18n/locale.js';
import { BarList } from '../parts/bar-list.js';
import { Figure } from '../parts/figure.js';
import { Panel } from '../parts/panel.js';
import { Segments } from '../parts/segments.js';

export function DataFigures({ corpus }: { corpus: DataSummary }) {
  const { text, format } = useLocale();
  const { read, kept, dropped, validation, test } = corpus;
  const out = dropped.reduce((sum, { bytes }) => sum + bytes, 0);
  const figure = (label: string, { documents }: Pick<TextTally, 'documents'>, note: string) => (
    <Figure label={label} value={format.integer(documents)} note={note} />
  );
  return (
    <dl class="figures">
      {figure(text.data.read, read, `${format.bytes(read.bytes)} · ${text.data.files(format.integer(corpus.files))}`)}
      {figure(text.data.kept, kept, text.data.ofRead(format.shareOf(kept.bytes, read.bytes)))}
      {figure(
        text.data.dropped,
        { documents: dropped.reduce((sum, { documents }) => sum + documents, 0) },
        text.data.ofRead(format.shareOf(out, read.bytes)),
      )}
      {figure(text.data.validation, validation, text.data.validationHint)}
      {figure(text.data.test, test, text.data.testHint)}
    </dl>
  );
}

export function LanguageBars({ corpus: { languages, kept } }: { corpus: DataSummary }) {
  const { text, format } = useLocale();
  return (
    <Panel title={text.data.languagesTitle} area="languages" aside={text.data.byText}>
      <BarList
        bars={languages.map(({ name, bytes }) => ({
          key: name,
          label: name === 'und' ? text.data.unknownLanguage : format.languageName(name),
          value: bytes,
          note: format.shareOf(bytes, kept.bytes),
        }))}
      />
    </Panel>
  );
}

export function LengthBars({ corpus: { lengths, tokenLengths } }: { corpus: DataSummary }) {
  const { text, format } = useLocale();
  const [unit, setUnit] = useState<'characters' | 'tokens'>('characters');
  const bins = unit === 'characters' ? lengths : (tokenLengths ?? []);
  const units = (
    <Segments
      name="length-unit"
      label={text.data.lengthsIn}
      options={[
        { value: 'characters', label: text.data.characters },
        { value: 'tokens', label: text.data.tokens },
      ]}
      value={unit}
      onChange={setUnit}
    />
  );
  return (
    <Panel title={text.data.lengthsTitle} area="lengths" aside={units}>
      {bins.length === 0 ? (
        <p class="lead">{unit === 'characters' ? text.data.noLengths : text.data.noTokenLengths}</p>
      ) : (
        <BarList
          bars={bins.map(({ from, to, documents }) => ({
            key: String(from),
            label: text.data.lengthRange(format.integer(from), format.integer(to - 1)),
            value: documents,
            note: format.integer(documents),
          }))}
        />
      )}
    </Panel>
  );
}

/** Sources, their licences, and what was masked in them. */
export function DataSources({ corpus }: { corpus: DataSummary }) {
  const { text, format } = useLocale();
  const { origins, licences, masked, kept } = corpus;
  const kinds: Readonly<Record<string, string>> = text.data.maskedKinds;
  return (
    <>
      <Panel title={text.data.sourcesTitle} area="main">
        <Origins origins={origins} kept={kept} />
      </Panel>
      <div class="side">
        <Panel title={text.data.licencesTitle} area="licences" aside={text.data.byText}>
          <BarList bars={licences.map((licence) => licenceBar(licence))} />
        </Panel>
        {masked.length > 0 && (
          <Panel title={text.data.maskedTitle} area="masked">
            <BarList
              bars={masked.map(({ kind, count }) => ({
                key: kind,
                label: kinds[kind] ?? <code>{kind}</code>,
                value: count,
                note: format.integer(count),
              }))}
            />
          </Panel>
        )}
      </div>
    </>
  );

  function licenceBar({ name, bytes }: NamedTally) {
    const label = name === 'unknown' ? text.data.unknownLicence : <code>{name}</code>;
    return { key: name, label, value: bytes, note: format.shareOf(bytes, kept.bytes) };
  }
}

function Origins({ origins, kept: whole }: Pick<DataSummary, 'origins' | 'kept'>) {
  const { text, format } = useLocale();
  return (
    <table class="table cards" role="table">
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader">{text.data.source}</th>
          <th role="columnheader">{text.data.licence}</th>
          <th role="columnheader" class="number">
            {text.data.read}
          </th>
          <th role="columnheader" class="number">
            {text.data.kept}
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {origins.map(({ name, licence, read, kept }) => (
          <tr role="row" key={name}>
            <td role="cell" class="card-title wrap">
              <code>{name}</code>
            </td>
            <td role="cell" class="soft" data-label={text.data.licence}>
              {licence === null ? text.data.unknownLicence : <code>{licence}</code>}
            </td>
            <td role="cell" class="number" data-label={text.data.read}>
              {format.integer(read.documents)} · {format.bytes(read.bytes)}
            </td>
            <td role="cell" class="number" data-label={text.data.kept}>
              {format.integer(kept.documents)} · {format.shareOf(kept.bytes, whole.bytes)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
