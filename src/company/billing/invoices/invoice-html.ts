/** An invoice as one HTML page without scripts or anything to load, made to be printed. */
import type { InvoiceSheet } from './invoice-sheet.js';

const STYLE = `
  body { font: 14px/1.5 system-ui, "Noto Sans SC", "PingFang SC", "Microsoft YaHei", sans-serif; color: #1a1a1a; max-width: 760px; margin: 40px auto; padding: 0 20px }
  header { display: flex; justify-content: space-between; align-items: baseline; border-bottom: 2px solid #1a1a1a }
  h1 { font-size: 24px; margin: 0 0 8px } h2 { font-size: 12px; color: #666; font-weight: 400; margin: 0 0 4px }
  .parties { display: grid; grid-template-columns: 1fr 1fr 1fr; gap: 24px; margin: 24px 0 } .parties div div:first-of-type { font-weight: 600 }
  table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
  th { text-align: left; font-weight: 400; color: #666; border-bottom: 1px solid #bbb; padding: 6px 0 }
  td { padding: 6px 0 0; vertical-align: top } .detail td { color: #666; padding-top: 0 } .detail td:first-child { padding-left: 16px }
  th:not(:first-child), td:not(:first-child) { text-align: right; white-space: nowrap; padding-left: 16px }
  .totals { margin: 16px 0 0 auto; width: auto; border-top: 1px solid #bbb } .totals tr:last-child td { font-weight: 600; font-size: 16px }
  footer { margin-top: 32px; color: #444 } tr { break-inside: avoid }
  @media print { body { margin: 0; max-width: none } @page { size: A4; margin: 20mm } }`;

export function invoiceHtml(sheet: InvoiceSheet): string {
  const { words } = sheet;
  const block = (title: string, lines: readonly string[]): string =>
    `<div><h2>${escape(title)}</h2>${lines.map((line) => `<div>${escape(line)}</div>`).join('')}</div>`;
  const facts = sheet.facts
    .map(([label, value]) => `<h2>${escape(label)}</h2><p style="margin:0 0 8px">${escape(value)}</p>`)
    .join('');
  const rows = sheet.rows
    .map(({ what, quantity, price, amount, isDetail }) => {
      const cells = [what, quantity, price, amount].map((cell) => `<td>${escape(cell)}</td>`).join('');
      return `<tr${isDetail ? ' class="detail"' : ''}>${cells}</tr>`;
    })
    .join('\n');
  const totals = sheet.totals
    .map(([label, value]) => `<tr><td>${escape(label)}</td><td>${escape(value)}</td></tr>`)
    .join('');
  return `<!doctype html>
<html lang="${sheet.language === 'zh' ? 'zh-CN' : 'en'}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(sheet.title)}</title><style>${STYLE}</style></head>
<body>
<header><h1>${escape(sheet.title)}</h1><span>${escape(sheet.state)}</span></header>
<section class="parties">${block(words.from, sheet.seller)}${block(words.billTo, sheet.buyer)}<div>${facts}</div></section>
<table><thead><tr>${sheet.headings.map((heading) => `<th>${escape(heading)}</th>`).join('')}</tr></thead>
<tbody>${rows}</tbody></table>
<table class="totals"><tbody>${totals}</tbody></table>
${sheet.payment.length === 0 ? '' : `<footer>${block(words.payment, sheet.payment)}</footer>`}
</body>
</html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
