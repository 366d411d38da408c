/**
 * Loss over parameters and tokens: L(N, D) = E + A ÷ N^α + B ÷ D^β (Hoffmann et al. 2022, approach 3), with what repeated
 * texts and parameters in excess are worth (Muennighoff et al. 2023). Knows no run and no money.
 */

/** Natural units: nats a token, parameters, tokens. */
export interface ScalingLaw {
  /** What no model of this kind gets below. */
  readonly floor: number;
  readonly parameterFactor: number;
  readonly parameterExponent: number;
  readonly tokenFactor: number;
  readonly tokenExponent: number;
}

/** What one can learn from: texts repeat beyond it. */
export interface OwnData {
  readonly uniqueTokens: number;
  /** Models up to this size were seen to gain in full; larger ones than the texts can feed count less. */
  readonly measuredParameters: number;
}

/** Muennighoff et al. 2023, appendix A: how fast repeats of a text lose their worth, and parameters in excess. */
const REPEAT_DECAY = 15.387756;
const EXCESS_DECAY = 5.309743;

/** Mean nats a token on unseen texts. */
export function lossAt(law: ScalingLaw, parameters: number, tokens: number, data?: OwnData): number {
  const n = data === undefined ? parameters : effectiveParameters(law, parameters, data);
  const d = data === undefined ? tokens : effectiveTokens(tokens, data.uniqueTokens);
  return law.floor + law.parameterFactor * n ** -law.parameterExponent + law.tokenFactor * d ** -law.tokenExponent;
}

/** D′ = U + U·R*·(1 − e^(−R ÷ R*)), R repeats beyond the first pass: as many fresh tokens as they are worth. */
export function effectiveTokens(tokens: number, uniqueTokens: number): number {
  return saturated(tokens, uniqueTokens, REPEAT_DECAY);
}

/** N′, likewise, beyond what the own texts can feed or what runs have shown, whichever is more. */
function effectiveParameters(law: ScalingLaw, parameters: number, data: OwnData): number {
  const fed = Math.max(bestParameters(law, data.uniqueTokens), data.measuredParameters);
  return saturated(parameters, fed, EXCESS_DECAY);
}

function saturated(amount: number, full: number, decay: number): number {
  if (amount <= full) return amount;
  return full + full * decay * (1 - Math.exp(-(amount / full - 1) / decay));
}

/** The size at which more parameters and more tokens pay alike for so many tokens: α·A ÷ N^α = β·B ÷ D^β. */
export function bestParameters(law: ScalingLaw, tokens: number): number {
  const { parameterFactor: a, parameterExponent: alpha, tokenFactor: b, tokenExponent: beta } = law;
  return ((alpha * a * tokens ** beta) / (beta * b)) ** (1 / alpha);
}
