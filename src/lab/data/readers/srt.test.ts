import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDocuments } from '../read-documents.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-srt-'));
});
afterAll(async () => await rm(root, { recursive: true, force: true }));

async function read(content: string, name: string): Promise<string[]> {
  const file = path.join(await mkdtemp(path.join(root, 'case-')), name);
  await writeFile(file, content);
  const found: string[] = [];
  for await (const item of readDocuments(file)) {
    found.push(item.kind === 'document' ? item.document.text : item.dropped.reason);
  }
  return found;
}

describe('subtitles', () => {
  it('joins the cues of SubRip to sentences', async () => {
    const content =
      '\uFEFF1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>This sentence goes</i>\r\nover lines\r\n\r\n' +
      '2\r\n00:00:03,000 --> 00:00:04,000 X1:10\r\n{\\an8}and over cues. \r\n\r\n' +
      '3\r\n00:00:05,000 --> 00:00:06,000\r\n[door slams]\r\n\r\n' +
      '4\r\n00:00:07,000 --> 00:00:08,000\r\n- Is x < 3\r\n- 12\r\n';
    expect(await read(content, 'film.srt')).toEqual(['This sentence goes over lines and over cues.\n- Is x < 3\n- 12']);
    expect(await read(content, 'noname')).toHaveLength(1);
  });

  it('joins Chinese without spaces', async () => {
    const content =
      '1\n00:00:01,000 --> 00:00:02,500\n今天天气\n很好，\n\n2\n00:00:03,000 --> 00:00:04,000\n我们走吧。\n';
    expect(await read(content, 'a.srt')).toEqual(['今天天气很好，我们走吧。']);
  });

  it('reads WebVTT: notes, styles, voices, entities, rolling captions', async () => {
    const content =
      'WEBVTT - a film\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nNOTE of the author\n\n' +
      'intro\n00:01.000 --> 00:02.000 align:start\n<v Ann>Salt &amp; pepper\n\n' +
      '00:02.000 --> 00:03.000\nSalt &amp; pepper\n<00:02.500><c>are here.</c>\n';
    expect(await read(content, 'a.vtt')).toEqual(['Salt & pepper are here.']);
  });

  it('drops a file without cues', async () => {
    expect(await read('WEBVTT\n\nNOTE nothing\n', 'a.vtt')).toEqual(['empty']);
  });
});
