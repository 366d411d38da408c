/** Who may speak to whom; everything else is refused. */
import { GATEWAY_PORT } from './gateway-image.js';
import type { KubernetesSettings } from './kubernetes-files.js';
import { type Component, metadataOf, selectorOf } from './kubernetes-parts.js';

export const networkPolicies = ({ hasOwnDatabase }: KubernetesSettings): object[] => [
  policy('gateway', {
    // the proxy in front and Prometheus, wherever in the cluster they are
    ingress: [{ from: [{ namespaceSelector: {} }], ports: [tcp(GATEWAY_PORT)] }],
    egress: [
      DNS,
      { to: [pods('engine')], ports: [tcp(8000)] },
      hasOwnDatabase ? { to: [pods('postgres')], ports: [tcp(5432)] } : { ports: [tcp(5432)] },
    ],
  }),
  policy('engine', { ingress: [{ from: [pods('gateway')], ports: [tcp(8000)] }], egress: [DNS] }),
  ...(hasOwnDatabase
    ? [policy('postgres', { ingress: [{ from: [pods('gateway')], ports: [tcp(5432)] }], egress: [] })]
    : []),
];

const policy = (component: Component, rules: { readonly ingress: object[]; readonly egress: object[] }): object => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: metadataOf(component),
  spec: { podSelector: { matchLabels: selectorOf(component) }, policyTypes: ['Ingress', 'Egress'], ...rules },
});

const pods = (component: Component): object => ({ podSelector: { matchLabels: selectorOf(component) } });
const tcp = (port: number): object => ({ protocol: 'TCP', port });
const DNS = {
  to: [{ namespaceSelector: {}, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }],
  ports: [
    { protocol: 'UDP', port: 53 },
    { protocol: 'TCP', port: 53 },
  ],
};
