/** Every op there is, for the walk over all ops in `registry.test.ts` and for documentation. One line an op. */
import { barrierOp } from '../recompute.js';
import type { OpRecord } from '../tensor.js';
import * as arithmetic from './arithmetic.js';
import { batchNormOp } from './batch-norm.js';
import { conv2dOp, convTranspose2dOp, convWeightGradient2dOp } from './convolution.js';
import { erfOp, geluOp, geluTanhOp } from './gelu.js';
import { columnsOfOp, gatherOp, scatterAddOp, takeOp, topKOp } from './indexing.js';
import { concatOp, padOp, sliceOp } from './layout.js';
import { affineOp, matmulOp } from './matmul.js';
import { addRmsNormOp, crossEntropyOp, layerNormOp, rmsNormOp, softmaxOp, subtractOneHotOp } from './normalize.js';
import { maxPool2dOp, scatterFlatOp } from './pooling.js';
import { dequantizeOp, gatherBytesOp, matmulNBitsOp } from './quantized.js';
import { meanOp } from './reduce.js';
import { cellStatesOp, hiddenGradientsOp, lstmGateGradientsOp } from './recurrent-gradients.js';
import { gruOp, lstmOp, reluRnnOp, reverseSequenceOp, tanhRnnOp } from './recurrent.js';
import { expandOp, reshapeOp, sumOp, transposeOp } from './reshape.js';
import { rotaryOp } from './rotary.js';
import { softmaxMatmulOp } from './softmax-matmul.js';
import { stopGradientOp } from './stop-gradient.js';

export const opRecords: readonly OpRecord[] = [
  arithmetic.addOp,
  arithmetic.subOp,
  arithmetic.mulOp,
  arithmetic.divOp,
  arithmetic.maximumOp,
  arithmetic.greaterOp,
  arithmetic.equalOp,
  arithmetic.whereOp,
  arithmetic.negOp,
  arithmetic.expOp,
  arithmetic.logOp,
  arithmetic.sqrtOp,
  arithmetic.tanhOp,
  arithmetic.sigmoidOp,
  arithmetic.reluOp,
  arithmetic.siluOp,
  erfOp,
  geluOp,
  geluTanhOp,
  matmulOp,
  affineOp,
  matmulNBitsOp,
  gatherBytesOp,
  dequantizeOp,
  reshapeOp,
  transposeOp,
  expandOp,
  sumOp,
  meanOp,
  sliceOp,
  padOp,
  concatOp,
  gatherOp,
  scatterAddOp,
  takeOp,
  topKOp,
  columnsOfOp,
  rmsNormOp,
  addRmsNormOp,
  layerNormOp,
  softmaxOp,
  softmaxMatmulOp,
  crossEntropyOp,
  subtractOneHotOp,
  rotaryOp,
  conv2dOp,
  convTranspose2dOp,
  convWeightGradient2dOp,
  maxPool2dOp,
  scatterFlatOp,
  batchNormOp,
  lstmOp,
  gruOp,
  tanhRnnOp,
  reluRnnOp,
  reverseSequenceOp,
  cellStatesOp,
  lstmGateGradientsOp,
  hiddenGradientsOp,
  barrierOp,
  stopGradientOp,
];
