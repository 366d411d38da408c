// A gateway in a process of its own, to be killed: `serving-process.ts PROJECT DATABASE_URL` prints its address.
import { openDatabase } from '../src/company/store/database.js';
import { startGateway } from '../src/company/gateway/start-gateway.js';
import { scriptedEngine } from './scripted-engine.js';

const [projectDirectory = '.', databaseUrl] = process.argv.slice(2);
const database = await openDatabase({ projectDirectory, databaseUrl });
const engine = scriptedEngine({ modelId: 'quick' });
const gateway = await startGateway({
  database,
  projectDirectory,
  port: 0,
  engines: new Map([[engine.modelId, engine]]),
});
process.stdout.write(`${gateway.url}\n`);
