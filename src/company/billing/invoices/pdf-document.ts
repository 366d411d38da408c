/** A PDF with the glyphs of English and Chinese. The same contents are the same bytes; of the fonts, only what is used goes along. */
import { createRequire } from 'node:module';
import PdfKit from 'pdfkit';

export type Pdf = InstanceType<typeof PdfKit>;

export interface PdfFacts {
  readonly title: string;
  readonly author: string;
  readonly language: 'en' | 'zh';
  /** The only time that goes into the file. */
  readonly createdAt: Date;
  /** Of every page, in points. */
  readonly margin: number;
  readonly layout?: 'portrait' | 'landscape';
}

/**
 * A document on A4 with the fonts `regular` and `bold`; its pages stay open until it is finished.
 * @returns `finish`, which gives its bytes
 */
export function openPdf({ title, author, language, createdAt, margin, layout = 'portrait' }: PdfFacts): {
  pdf: Pdf;
  finish: () => Promise<Uint8Array>;
} {
  const pdf = new PdfKit({
    size: 'A4',
    layout,
    margin,
    bufferPages: true,
    info: { Title: title, Author: author, CreationDate: createdAt },
    lang: language === 'zh' ? 'zh-CN' : 'en',
  });
  const chunks: Uint8Array[] = [];
  pdf.on('data', (chunk: Uint8Array) => chunks.push(chunk));
  const ended = new Promise<void>((resolve, reject) => {
    pdf.on('end', resolve);
    pdf.on('error', reject);
  });
  pdf.registerFont('regular', fontFile('400Regular', 'NotoSansSC_400Regular'));
  pdf.registerFont('bold', fontFile('700Bold', 'NotoSansSC_700Bold'));
  const finish = async (): Promise<Uint8Array> => {
    pdf.end();
    await ended;
    return Buffer.concat(chunks);
  };
  return { pdf, finish };
}

function fontFile(weight: string, name: string): string {
  return createRequire(import.meta.url).resolve(`@expo-google-fonts/noto-sans-sc/${weight}/${name}.ttf`);
}
