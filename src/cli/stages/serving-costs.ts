import type { Books } from '../../company/billing/customers.js';
import type { ServingCosts } from '../../company/billing/price-floor.js';
import { usageByModel } from '../../company/billing/usage.js';
import { marginalCosts } from '../../company/business/marginal-costs.js';
import { servedTokensPerSecond } from '../../company/business/used-by-model.js';
import { readUpstreamCosts } from '../../company/gateway/upstream/upstream-file.js';
import type { Project } from '../config/project.js';
import { hourlyMicrosOf } from './business-facts.js';
import { upstreamsFileOf } from './project-files.js';
import { readLoadCurve } from './read-picture.js';

/** What the project's models cost to serve, as measured and stated. @throws MoatError `bad-upstreams`, `bad-load-curve` */
export async function readServingCosts(project: Project, books: Books): Promise<ServingCosts> {
  const { currency, serve } = project.config;
  const elsewhere = await readUpstreamCosts(upstreamsFileOf(project));
  return marginalCosts({
    ownModel: serve.modelId,
    hourlyMicros: hourlyMicrosOf(project),
    elsewhere,
    curve: await readLoadCurve(project),
    servedTokensPerSecond: servedTokensPerSecond(await usageByModel(books, { currency }), { elsewhere }),
  });
}
