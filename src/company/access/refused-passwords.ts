import { MoatError } from '../../base/errors.js';

const MINIMUM = 12;
const MAXIMUM = 256;

/**
 * Words that lists of leaked passwords are full of. What is left of a password without them, digits and punctuation has
 * to be something: so `Password123456` and `qwertyqwerty!` are refused, however they are spelt.
 */
const WORDS =
  /password|passwort|passw0rd|p@ssw0rd|qwerty|qwertz|azerty|asdfgh|zxcvbn|1q2w3e4r|q1w2e3r4|abcdef|letmein|welcome|iloveyou|monkey|dragon|sunshine|princess|football|baseball|superman|trustno|changeme|default|secret|admin|login|master|hello|woaini|moat/g;

/**
 * @param about what the password must not be made of: the user's e-mail address and name
 * @throws MoatError `weak-password`, which never holds the password
 */
export function checkNewPassword(password: string, about: readonly string[]): void {
  const refuse = (what: string, fix: string): never => {
    throw new MoatError('weak-password', `the password ${what}`, { fix });
  };
  // Counted as people count, so that no long emoji passes for a long password.
  const length = [...password].length;
  if (length < MINIMUM)
    refuse(`has ${length} characters`, `Use at least ${MINIMUM}; a few words are easy to remember.`);
  if (length > MAXIMUM) refuse(`has ${length} characters`, `Use at most ${MAXIMUM}.`);
  const lower = password.toLowerCase();
  const left = about
    .flatMap((text) => text.toLowerCase().split(/[^\p{L}\p{N}]+/u))
    .filter((part) => part.length >= 4)
    .reduce((rest, part) => rest.replaceAll(part, ''), lower.replace(WORDS, ''));
  if (new Set(left.replace(/[\p{N}\p{P}\p{S}\s]/gu, '')).size < 4)
    refuse('is among the first that are tried', 'Use a few words that have nothing to do with each other.');
}
