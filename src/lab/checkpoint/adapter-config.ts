/** `adapter_config.json`: what a low-rank adapter is, as the PEFT library writes it. */
import { z } from 'zod';
import { MoatError } from '../../base/errors.js';

/**
 * LoRA (Hu et al. 2021, arXiv:2106.09685): `x · (W + s · B · A)ᵀ`, where W stays as it is and A `[rank, in]` and
 * B `[out, rank]` are learned. Fields mean what they mean in the PEFT library.
 */
export interface AdapterConfig {
  readonly rank: number;
  /** The factor s of the adapter's share is alpha ÷ rank. */
  readonly alpha: number;
  /** Of what enters A, while training; default 0. */
  readonly dropout?: number | undefined;
  /** The last names of the modules, `q_proj`, or whole ones; `all-linear`, the default, is every linear layer but the head. */
  readonly targetModules?: readonly string[] | 'all-linear' | undefined;
  /** Learn the length of each row of the weight apart from its direction (DoRA; Liu et al. 2024, arXiv:2402.09353). */
  readonly useDora?: boolean | undefined;
  /** s = alpha ÷ √rank, which keeps large ranks learning (rank-stabilised LoRA; Kalajdzievski 2023, arXiv:2312.03732). */
  readonly useRslora?: boolean | undefined;
  /** Modules that are trained and saved whole, beside the adapter. */
  readonly modulesToSave?: readonly string[] | undefined;
}

/** What PEFT needs to know beside the adapter's own settings. */
export interface AdapterOrigin {
  /** The base model's folder or name, for people and for PEFT's `AutoPeftModel`. */
  readonly baseModel: string;
  /** Weights are stored `[in, out]`, as GPT-2's are. */
  readonly fanInFanOut: boolean;
}

const MAX_RANK = 4096;

const storedSchema = z.object({
  peft_type: z.literal('LORA'),
  base_model_name_or_path: z.string().nullish(),
  r: z.int().min(1).max(MAX_RANK),
  lora_alpha: z.number().positive(),
  lora_dropout: z.number().min(0).lt(1).default(0),
  bias: z.literal('none').default('none'),
  use_dora: z.boolean().default(false),
  use_rslora: z.boolean().default(false),
});

/** What changes the arithmetic of an adapter and is not read here: refused rather than ignored. */
const UNSUPPORTED = [
  'rank_pattern',
  'alpha_pattern',
  'layer_replication',
  'lora_bias',
  'target_parameters',
  'trainable_token_indices',
  'alora_invocation_tokens',
  'use_qalora',
  'use_bdlora',
  'arrow_config',
  'kasa_config',
  'velora_config',
  'monteclora_config',
] as const;

/** What a configuration says; which modules it is for, the names of the tensors beside it say. */
export interface StoredAdapterConfig {
  readonly config: Omit<AdapterConfig, 'targetModules' | 'modulesToSave'>;
  readonly baseModel: string | undefined;
}

/**
 * @param file for the error
 * @throws MoatError `bad-adapter` for what is no LoRA of PEFT or uses what is not read here
 */
export function parseAdapterConfig(text: string, file: string): StoredAdapterConfig {
  const json = readJson(text, file);
  const parsed = storedSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw badAdapter(file, `${issue?.path.join('.') || 'the file'}: ${issue?.message}`);
  }
  const used = UNSUPPORTED.find((key) => isUsed((json as Record<string, unknown>)[key]));
  if (used !== undefined) throw badAdapter(file, `it uses "${used}", which is not supported`);
  const { r, lora_alpha, lora_dropout, use_dora, use_rslora, base_model_name_or_path } = parsed.data;
  return {
    config: { rank: r, alpha: lora_alpha, dropout: lora_dropout, useDora: use_dora, useRslora: use_rslora },
    baseModel: base_model_name_or_path ?? undefined,
  };
}

function readJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badAdapter(file, 'it is not JSON', error);
  }
}

const isUsed = (value: unknown): boolean =>
  typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : Boolean(value);

/** @param what what is wrong, and where in the file */
export function badAdapter(file: string, what: string, cause?: unknown): MoatError {
  return new MoatError('bad-adapter', `${file}: ${what}`, {
    fix: 'Give a LoRA or DoRA adapter as the PEFT library or moat saves it.',
    cause,
  });
}

/** The text of the file. @param targets the names of the modules, resolved */
export function adapterConfigText(
  config: AdapterConfig,
  targets: readonly string[],
  { baseModel, fanInFanOut }: AdapterOrigin,
): string {
  const { rank, alpha, dropout = 0, useDora = false, useRslora = false, modulesToSave = [] } = config;
  const stored = {
    alpha_pattern: {},
    auto_mapping: null,
    base_model_name_or_path: baseModel,
    bias: 'none',
    fan_in_fan_out: fanInFanOut,
    inference_mode: true,
    init_lora_weights: true,
    layers_pattern: null,
    layers_to_transform: null,
    lora_alpha: alpha,
    lora_dropout: dropout,
    modules_to_save: modulesToSave.length === 0 ? null : modulesToSave,
    peft_type: 'LORA',
    r: rank,
    rank_pattern: {},
    revision: null,
    target_modules: targets,
    task_type: 'CAUSAL_LM',
    use_dora: useDora,
    use_rslora: useRslora,
  };
  return `${JSON.stringify(stored, undefined, 2)}\n`;
}
