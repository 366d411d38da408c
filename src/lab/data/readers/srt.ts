import type { Line } from '../lines.js';
import type { OpenedText, TextFormat } from '../format-reader.js';
import { readPlainText } from '../plain-text.js';
import { joinLines } from './join-lines.js';
import { orEmpty } from './record-passage.js';

/**
 * Subtitles: SubRip, and WebVTT (https://www.w3.org/TR/webvtt1). Numbers, times, tags and notes are left out; cues are
 * joined to sentences, one a line. The text of a file is then cut as plain text is.
 */
export const subtitles: TextFormat = {
  name: 'subtitles',
  content: 'text',
  extensions: ['.srt', '.vtt'],
  looksLike: (head) => /^(?:WEBVTT\b|\d+\s*\n\s*\d\d:\d\d:\d\d[,.]\d{3} +-->)/.test(head),
  read: (file) => orEmpty(readPlainText(sentences(file)), `${file.origin}: nothing is said in it`),
};

const TIMES = /^(?:\d+:)?\d\d:\d\d[,.]\d{3}\s+-->/;
const NOT_CUES = /^(?:WEBVTT|NOTE|STYLE|REGION)\b/;
const TAG = /<\/?[a-z0-9][^<>]*>|\{\\[^{}]*\}/gi;
/** Of sounds and music: `[applause]`, `♪`. */
const SOUND = /^(?:[([（【][^)\]）】]*[)\]）】]|[♪♫\s]+)$/u;
const ENDS_SENTENCE = /[.!?。！？…♪][”’"'」』）)\]]*$/u;
const SPEAKER_CHANGES = /^[-–—]\s*\S/u;
/** A sentence that never ends is cut: subtitles of songs, or in a script without full stops. */
const MAX_SENTENCE_CHARACTERS = 2000;

async function* sentences(file: OpenedText): AsyncGenerator<Line> {
  let sentence = '';
  let first = 1;
  const take = (number: number): Line => {
    const text = sentence;
    sentence = '';
    return { text, number, length: text.length, isTooLong: false };
  };
  for await (const cue of cueLines(file.lines())) {
    if (cue.isTooLong) {
      if (sentence !== '') yield take(first);
      yield cue;
      continue;
    }
    const isOver = ENDS_SENTENCE.test(sentence) || sentence.length > MAX_SENTENCE_CHARACTERS;
    if (sentence !== '' && (isOver || SPEAKER_CHANGES.test(cue.text))) yield take(first);
    if (sentence === '') first = cue.number;
    sentence = joinLines(sentence, cue.text);
  }
  if (sentence !== '') yield take(first);
}

/** The lines that are spoken. Captions that roll repeat the line before; it counts once. */
async function* cueLines(lines: AsyncIterable<Line>): AsyncGenerator<Line> {
  let isInCue = false;
  let last = '';
  for await (const line of lines) {
    if (line.isTooLong) {
      yield line;
    } else if (line.text.trim() === '') {
      isInCue = false;
    } else if (TIMES.test(line.text.trim())) {
      isInCue = true;
    } else if (isInCue && !NOT_CUES.test(line.text)) {
      const text = spoken(line.text);
      if (text === '' || text === last || SOUND.test(text)) continue;
      last = text;
      yield { ...line, text };
    }
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&nbsp;': ' ',
  '&lrm;': '',
  '&rlm;': '',
};

function spoken(text: string): string {
  return text
    .replaceAll(TAG, '')
    .replaceAll(/&[a-z]+;/g, (entity) => ENTITIES[entity] ?? entity)
    .trim();
}
