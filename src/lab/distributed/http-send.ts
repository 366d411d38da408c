/**
 * One HTTP request. Not `fetch`: that announces itself as a browser does (`Sec-Fetch-Mode`), and Ray's dashboard refuses
 * every POST and PUT from a browser.
 */
import http from 'node:http';
import https from 'node:https';

export interface HttpRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** From the first byte sent to the last byte received. */
  readonly timeoutMs: number;
}

export interface HttpAnswer {
  readonly status: number;
  /** By their names in lower case. */
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Rejects with a system error (`ECONNREFUSED`, `ETIMEDOUT` …) where there is no whole answer. */
export type HttpSend = (request: HttpRequest) => Promise<HttpAnswer>;

/** Logs of long runs are the largest answers. */
const MOST_BYTES = 512 << 20;

export const httpSend: HttpSend = ({ method, url, headers, body, timeoutMs }) =>
  new Promise((resolve, reject) => {
    const { request } = url.protocol === 'https:' ? https : http;
    const length = body === undefined ? {} : { 'content-length': String(body.byteLength) };
    const signal = AbortSignal.timeout(timeoutMs);
    const fail = (error: unknown): void => reject(signal.aborted ? timedOut(url, timeoutMs) : error);
    const sent = request(
      url,
      { method, headers: { 'user-agent': 'moat', ...headers, ...length }, signal },
      (answer) => {
        const parts: Buffer[] = [];
        let bytes = 0;
        answer.on('data', (part: Buffer) => {
          parts.push(part);
          bytes += part.byteLength;
          if (bytes > MOST_BYTES) answer.destroy(systemError('EFBIG', `${url.host}: more than ${MOST_BYTES} bytes`));
        });
        answer.on('error', fail);
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts) }),
        );
      },
    );
    sent.on('error', fail);
    sent.end(body);
  });

const timedOut = (url: URL, timeoutMs: number): Error =>
  systemError('ETIMEDOUT', `${url.host}: no answer within ${timeoutMs / 1000} s`);

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
