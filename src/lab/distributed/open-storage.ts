/** From what is written after `--storage` to where the run lies. */
import path from 'node:path';
import { type StoreConnection, openObjectStore } from './object-store.js';
import { type RunStorage, folderStorage, ownStorage, unseenStorage } from './run-storage.js';
import { isStoreUri, storeAccess } from './store-access.js';
import { storedRun } from './stored-run.js';

/** What a store is reached by: the environment holds its address and keys. */
export interface StorageConnection extends StoreConnection {
  readonly env: NodeJS.ProcessEnv;
}

/**
 * @param storage a folder that both sides see, a store (`s3://…`, `gs://…`), or another URI (`file:///…`) that the workers
 * see alone; undefined: the run's own directory
 * @throws MoatError `bad-storage`, `store-no-credentials`
 */
export function openStorage(
  storage: string | undefined,
  runDirectory: string,
  { env, ...connection }: StorageConnection,
): RunStorage {
  if (storage === undefined) return ownStorage(runDirectory);
  if (!storage.includes('://') && !isStoreUri(storage)) return folderStorage(storage, runDirectory);
  const runs = storage.replace(/\/+$/, '');
  const location = `${runs}/${path.basename(runDirectory)}`;
  if (!isStoreUri(storage)) return unseenStorage(location, runDirectory);
  const open = (uri: string) => openObjectStore(storeAccess(uri, env), connection);
  // the one that was written first: it is the one an error is about
  const inRuns = open(runs);
  return storedRun(open(location), inRuns, runDirectory);
}
