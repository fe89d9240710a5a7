/** What the chart says of the proxies that are injected. The same on every replica. */
export interface InjectConfig {
  readonly image: string;
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  /** `https://articdbm.NS.svc:8443`. */
  readonly operatorUrl: string;
  /** PEM: who signs the operator's certificate. */
  readonly caBundle: string;
  /** Of a sidecar. A gateway's are its chart's. Quantities as Kubernetes writes them. */
  readonly resources: { readonly requests: Amounts; readonly limits: Amounts };
  readonly logLevel: string;
  /** A duration: how old policy may be before the proxy refuses. */
  readonly refuseAfter: string;
}

export type Amounts = Readonly<Record<string, string>>;

/** What `articdbm operator` is told of them; its flags have the defaults. */
export type SidecarOptions = Omit<InjectConfig, 'operatorUrl' | 'caBundle'>;

/** Who asks: what the review of the request says beside the pod. */
export interface InjectRequest {
  /** The request's namespace: a pod that is being made may not name its own. */
  readonly namespace: string;
  readonly config: InjectConfig;
}
