/** What ONNX Runtime computes on, by the names of its execution providers. Loads nothing, so that a command line may ask. */
export const devices = ['cpu', 'webgpu', 'cuda', 'coreml', 'dml'] as const;
export type Device = (typeof devices)[number];
