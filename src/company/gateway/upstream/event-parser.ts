/** Server-sent events out of bytes, by the WHATWG specification ("9.2.6 Interpreting an event stream"). */
import { StringDecoder } from 'node:string_decoder';
import { AttemptFailure } from './attempt-failure.js';

export interface EventParser {
  /**
   * @returns the data of each event that became whole; names, ids and comments are left out
   * @throws AttemptFailure `broken`
   */
  push(bytes: Buffer): string[];
}

/** @param maxLength characters of one line, and of the data of one event */
export function createEventParser(maxLength: number): EventParser {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let data: string[] = [];
  let dataLength = 0;
  let atStart = true;
  let afterReturn = false;

  const line = (text: string, events: string[]): void => {
    if (text === '') {
      if (data.length > 0) events.push(data.length === 1 ? (data[0] as string) : data.join('\n'));
      data = [];
      dataLength = 0;
    } else if (text.startsWith('data:')) {
      const value = text.slice(text[5] === ' ' ? 6 : 5);
      dataLength += value.length + 1;
      if (dataLength > maxLength + 1) throw tooLong(maxLength);
      data.push(value);
    } else if (text === 'data') data.push('');
  };

  return {
    push(bytes) {
      const events: string[] = [];
      let text = decoder.write(bytes);
      if (atStart && text !== '') {
        atStart = false;
        if (text.startsWith('\uFEFF')) text = text.slice(1);
      }
      // the line feed of a pair that was cut between two pieces
      if (afterReturn && text !== '') {
        afterReturn = false;
        if (text.startsWith('\n')) text = text.slice(1);
      }
      afterReturn ||= text.endsWith('\r');
      const lines = text.split(text.includes('\r') ? /\r\n|\n|\r/ : '\n');
      const last = lines.pop() as string;
      for (const [at, one] of lines.entries()) line(at === 0 ? rest + one : one, events);
      rest = lines.length === 0 ? rest + last : last;
      if (rest.length > maxLength + 6) throw tooLong(maxLength);
      return events;
    },
  };
}

const tooLong = (maxLength: number): AttemptFailure =>
  new AttemptFailure('broken', `an event of the stream has over ${maxLength} characters`);
