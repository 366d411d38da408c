/** The values of `format` that are held to, as patterns: those of RFC 3339 and RFC 9562, and plain forms of the others. */
const LEAP_YEAR = String.raw`(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)`;
const DATE = String.raw`\d{4}-(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|\d{4}-(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|\d{4}-02-(?:0[1-9]|1\d|2[0-8])|${LEAP_YEAR}-02-29`;
const TIME = String.raw`(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)`;
const OCTET = String.raw`(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`;
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?';

export const STRING_FORMATS: Readonly<Record<string, string>> = {
  date: `^(?:${DATE})$`,
  time: `^${TIME}$`,
  'date-time': `^(?:${DATE})T${TIME}$`,
  duration: String.raw`^P(?:\d{1,4}W|\d{1,4}D|(?:\d{1,4}D)?T(?:\d{1,4}H)?\d{1,4}M)$`,
  uuid: '^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$',
  ipv4: `^${OCTET}(?:\\.${OCTET}){3}$`,
  hostname: `^${LABEL}(?:\\.${LABEL}){0,5}$`,
  email: `^[A-Za-z0-9_+-]{1,32}(?:\\.[A-Za-z0-9_+-]{1,32}){0,2}@${LABEL}(?:\\.${LABEL}){0,2}\\.[a-z]{2,12}$`,
};
