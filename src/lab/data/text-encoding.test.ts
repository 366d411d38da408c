import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import iconv from 'iconv-lite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { declaredEncoding } from './declared-encoding.js';
import { inspectFile } from './text-encoding.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-encoding-'));
});
afterAll(async () => await rm(root, { recursive: true, force: true }));

async function inspect(bytes: Uint8Array): Promise<string> {
  const file = path.join(root, 'a.txt');
  await writeFile(file, bytes);
  const inspection = await inspectFile(file);
  return inspection.kind === 'text' ? inspection.encoding : inspection.kind;
}

const WESTERN = [
  ['English', 'The naïve owner of the café said: “This is not what I wanted – it cost me £5 and was cold.”'],
  [
    'French',
    'Le château où la reine est née a été détruit, et il ne reste que les fenêtres de la façade où l’on voit le cœur.',
  ],
  ['German', 'Die Größe der Häuser in dieser Straße ist für uns schön, aber sie müssen noch geprüft werden.'],
  ['Spanish', '¿Dónde está el niño que habló ayer con la señora? Según ella, mañana será un día muy difícil para él.'],
  [
    'Portuguese',
    'A situação não é tão difícil como você pensa, e as informações estão disponíveis para os cidadãos da nação.',
  ],
  [
    'Italian',
    'La città è più bella di quanto pensassi, perché non c’è più il traffico che c’era un tempo; così è la libertà.',
  ],
  [
    'Dutch',
    'De coördinatie van het onderzoek is in België geregeld door de ministers, en één van hen heeft geen ideeën.',
  ],
  ['Swedish', 'Det är inte så lätt att förstå hur många människor som bor här, men de är fler än man tror på våren.'],
  [
    'Danish',
    'Det er ikke så let at forstå, hvor mange mennesker der bor på øen, men de er flere, end man først tænkte.',
  ],
  [
    'Finnish',
    'Tämä on hyvin tärkeää, koska meillä ei ole enää mitään sellaista, mitä he pyysivät, ja se on hyvä näin.',
  ],
] as const;

const OTHERS = [
  [
    'windows-1250',
    'Polish',
    'Zażółć gęślą jaźń, bo nie wiem, czy to jest już wszystko, co można było zrobić w tej sprawie dla nich.',
  ],
  [
    'windows-1250',
    'Czech',
    'Příliš žluťoučký kůň úpěl ďábelské ódy, protože to bylo všechno, co mohl v té chvíli pro nás udělat.',
  ],
  [
    'windows-1250',
    'Hungarian',
    'Az erdőben él egy nagy farkas, és nem tudja, hogy a kis nyúl már régen elment a nővéréhez.',
  ],
  [
    'windows-1250',
    'Romanian',
    'Această casă este foarte frumoasă şi în ea locuieşte o familie pe care noi o cunoaştem de mulţi ani.',
  ],
  [
    'windows-1250',
    'Slovak',
    'Toto je veľmi dôležité, pretože už nemáme nič také, čo by sme mohli ľuďom ponúknuť, a je to tak dobre.',
  ],
  [
    'windows-1254',
    'Turkish',
    'Bu çok önemli, çünkü artık şehirde yaşayan insanların büyük bir kısmı ne yapacağını bilmiyor ve bekliyor.',
  ],
  ['windows-1251', 'Russian', 'Это очень важно, потому что у нас больше нет ничего такого, о чём они просили.'],
  ['koi8-r', 'Russian', 'Это очень важно, потому что у нас больше нет ничего такого, о чём они просили.'],
  [
    'windows-1251',
    'English with a Russian name',
    'The author of this text is Иван Петров and he has written it for all of us to read.',
  ],
  [
    'koi8-r',
    'English with a Russian name',
    'The author of this text is Иван Петров and he has written it for all of us to read.',
  ],
  [
    'windows-1250',
    'English with a Polish name',
    'The author of this text is Wałęsa and he has written it for all of us to read.',
  ],
  [
    'windows-1250',
    'English with a Czech name',
    'The author of this text is Dvořák and he has written it for all of us to read.',
  ],
  ['iso-8859-7', 'Greek', 'Αυτό είναι πολύ σημαντικό, γιατί δεν έχουμε πια τίποτα τέτοιο.'],
  ['windows-1252', 'too little', 'Café déjà vu'],
] as const;

describe('text without a declaration', () => {
  it.each(WESTERN)('in %s is windows-1252', async (_, text) => {
    expect(await inspect(iconv.encode(text, 'windows-1252'))).toBe('windows-1252');
    expect(await inspect(Buffer.from(text))).toBe('utf-8');
  });

  it.each(OTHERS)('in %s (%s) is not taken for it', async (encoding, _, text) => {
    expect(await inspect(iconv.encode(text, encoding))).toBe('invalid-utf8');
  });

  it('in Chinese is told as before', async () => {
    const text = '本文介绍如何在本地安装和配置软件包管理系统，并说明常见的错误以及解决这些错误的方法。'.repeat(4);
    expect(await inspect(iconv.encode(text, 'gb18030'))).toBe('GB18030');
  });
});

describe('declared encodings', () => {
  it.each([
    ['<html><head><meta charset="koi8-r">', 'koi8-r'],
    ["<meta http-equiv='Content-Type' content='text/html; charset=windows-1250'>", 'windows-1250'],
    ['\n<?xml version="1.0" encoding="ISO-8859-1"?>', 'windows-1252'],
    ['<meta charset=GB2312>', 'gb18030'],
    ['<meta charset="utf-8">', 'utf-8'],
    ['<meta charset="base64">', undefined],
    ['<meta charset="x-no-such">', undefined],
    ['A page says <meta charset="koi8-r">', undefined],
  ])('%s', (head, encoding) => expect(declaredEncoding(Buffer.from(head))).toBe(encoding));

  it('are believed where the bytes are not UTF-8 and can be what they say', async () => {
    const page = (charset: string): string => `<html><meta charset="${charset}"><p>Příliš žluťoučký kůň</p></html>`;
    expect(await inspect(iconv.encode(page('windows-1250'), 'windows-1250'))).toBe('windows-1250');
    expect(await inspect(Buffer.from(page('windows-1250')))).toBe('utf-8');
    expect(await inspect(iconv.encode(page('euc-jp'), 'windows-1250'))).toBe('invalid-utf8');
    expect(await inspect(iconv.encode(page('utf-8'), 'windows-1250'))).toBe('invalid-utf8');
    const cut = Buffer.concat([Buffer.from(page('utf-8')), Buffer.from('文').subarray(0, 2), Buffer.from('</p>')]);
    expect(await inspect(cut)).toBe('utf-8');
  });
});
