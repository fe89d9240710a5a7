// Generated from crds/ by tools/generate; do not edit.

/** What we read of a resource's metadata. */
export interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly creationTimestamp?: string;
  readonly generation?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A database server that users reach through ArticDBM, and how ArticDBM reaches it. */
export interface DatabaseBackend {
  readonly apiVersion: 'articdbm.io/v1alpha1';
  readonly kind: 'DatabaseBackend';
  readonly metadata: Metadata;
  /** The server, and the terms on which it is used. */
  readonly spec: {
    /** What the server speaks. It can not be changed. */
    readonly protocol: 'postgresql';
    /** Where the server listens. Exactly one is the primary. */
    readonly endpoints: readonly {
      /** Name of the endpoint within this backend. */
      readonly name: string;
      /** DNS name or IP address. With TLS mode verify-full the certificate must bear it. */
      readonly host: string;
      /** TCP port. Default: 5432. */
      readonly port: number;
      /** What the endpoint is to the others. Default: "primary". */
      readonly role: 'primary';
    }[];
    /** The default database, for clients that name none and for rules without databases. */
    readonly database: string;
    /** The schemas in which sessions look for names without one, in order, whatever the server would have set. Default: ["public"]. */
    readonly searchPath: readonly string[];
    /** The login that ArticDBM uses at the server. */
    readonly credentialsSecretRef: {
      /** Name of a Secret in this namespace. */
      readonly name: string;
      /** Key of the user name in the Secret. Default: "username". */
      readonly usernameKey: string;
      /** Key of the password in the Secret. Default: "password". */
      readonly passwordKey: string;
    };
    /** How connections to the server are secured. Default: {}. */
    readonly tls: {
      /** As libpq's sslmode. `disable`: no TLS. `allow` and `prefer`: TLS if the server insists or offers it. `require`: TLS, with no look at the certificate. `verify-ca`: the certificate must be signed by the CA. `verify-full`: and bear the host's name. Default: "verify-full". */
      readonly mode: 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';
      /** The CA certificates, as PEM, that sign the server's. Absent: those of the system. */
      readonly caSecretRef?: {
        /** Name of a Secret in this namespace. */
        readonly name: string;
        /** Key of the certificates in the Secret. Default: "ca.crt". */
        readonly key: string;
      };
      /** Whether the server may be sent the password as it is when it asks for that. Only ever done over verified TLS. Default: false. */
      readonly allowCleartextPassword: boolean;
    };
    /** What ArticDBM does at the server. `Observe`: nothing; everybody is served with the one login of credentialsSecretRef, and ArticDBM's judgement alone keeps users apart. Default: "Observe". */
    readonly management: 'Observe';
    /** Whether that one login may be handed to sidecars. `Forbid`: to gateways only, so that no application's pod can learn it. `Allow`: to sidecars of bound users too, whose pods can then get past ArticDBM. Of no meaning to a standalone proxy. Default: "Forbid". */
    readonly sharedLogin: 'Forbid' | 'Allow';
    /** ServiceAccounts of this namespace whose pods serve all of this backend's users, by password. Absent: none. Of no meaning to a standalone proxy. */
    readonly gateways?: readonly string[];
    /** The other namespaces whose DbPermissions may refer to this backend, and for what at most. A namespace that is not named here gets nothing; this backend's own namespace needs no entry. */
    readonly consumers?: readonly {
      /** The namespace of the DbPermissions. */
      readonly namespace: string;
      /** The most that its permissions can permit. A statement needs a permission's rule and a rule of the ceiling that both allow it. */
      readonly ceiling: readonly {
        /** Permits the actions on every object that the selectors select. Selectors are patterns: `*` stands for any run of characters, `\*` and `\\` for the character itself; names are compared as the server stores them, so an unquoted name in SQL is lower case here. */
        readonly sql?: {
          /** Patterns of database names. Absent: the default database of the backend. */
          readonly databases?: readonly string[];
          /** Patterns of schema names. Absent: public. No `*` reaches pg_catalog, information_schema and other schemas whose names begin with pg_: write them out. */
          readonly schemas?: readonly string[];
          /** Patterns of names of tables, views, materialized views and foreign tables, for select, insert, update, delete and truncate. Absent: none. A view is judged by its own name; what it reads runs under the server's rules. */
          readonly tables?: readonly string[];
          /** Patterns of the columns of those tables. Absent: all, those that are added later too. */
          readonly columns?: readonly string[];
          /** Patterns of names of functions, procedures, aggregates and operators outside pg_catalog, or in it (with pg_catalog in schemas) and not known as harmless, for execute. Absent: none. What a function does runs under the server's rules. */
          readonly functions?: readonly string[];
          /** Patterns of names of sequences, for usage (nextval, currval). Absent: none. setval needs admin. */
          readonly sequences?: readonly string[];
          /** Patterns of names of types and domains outside pg_catalog, for usage. Absent: none. */
          readonly types?: readonly string[];
          /** What is permitted, by the names of PostgreSQL's own privileges. `read` is select; `write` is insert, update and delete. FOR UPDATE needs update, WHERE and RETURNING need select. `admin` allows everything in the databases and takes no other selector. */
          readonly actions: readonly (
            'select' | 'insert' | 'update' | 'delete' | 'truncate' | 'execute' | 'usage' | 'read' | 'write' | 'admin'
          )[];
        };
      }[];
    }[];
    /** How long things may take, as durations: 500ms, 3s, 10m, 1h30m. Default: {}. */
    readonly timeouts: {
      /** For the TCP connection to the server. Default: "3s". */
      readonly connect: string;
      /** For TLS and the login at the server, after the connection. Default: "10s". */
      readonly login: string;
      /** For one statement, from its receipt to the end of its reply. 0s: no limit. Default: "0s". */
      readonly statement: string;
      /** For a session between two statements. 0s: no limit. Default: "0s". */
      readonly idle: string;
    };
    /** What is recorded. Default: {}. */
    readonly security: {
      /** What the audit log holds. `none`: nothing. `denied`: logins that failed and statements that were refused. `access`: every login and statement, by user, action and object. `statements`: their texts too, with constants replaced. Default: "denied". */
      readonly audit: 'none' | 'denied' | 'access' | 'statements';
    };
  };
  /** What became of it. Written by ArticDBM. */
  readonly status?: {
    /** The metadata.generation that the status speaks of. */
    readonly observedGeneration?: number;
    /** Conditions as on every Kubernetes object; Ready says whether it is in force. */
    readonly conditions?: readonly {
      /** What the condition is about, such as Ready. */
      readonly type: string;
      /** Whether it holds. */
      readonly status: 'True' | 'False' | 'Unknown';
      /** The metadata.generation that the condition speaks of. */
      readonly observedGeneration?: number;
      /** When its status last changed. */
      readonly lastTransitionTime: string;
      /** Why, in one CamelCase word for programs. */
      readonly reason: string;
      /** Why, in a sentence for people. */
      readonly message: string;
    }[];
  };
}

/** What one DbUser may do on one DatabaseBackend. Permissions only allow: what no permission allows is denied, and several permissions add up. */
export interface DbPermission {
  readonly apiVersion: 'articdbm.io/v1alpha1';
  readonly kind: 'DbPermission';
  readonly metadata: Metadata;
  /** What is permitted, to whom and where. */
  readonly spec: {
    /** The user that is permitted something. */
    readonly userRef: {
      /** Name of a DbUser in this namespace. */
      readonly name: string;
    };
    /** The backend that the rules are about. */
    readonly backendRef: {
      /** Name of a DatabaseBackend. */
      readonly name: string;
      /** Namespace of the DatabaseBackend; absent: this permission's own. A backend elsewhere must name this namespace among its consumers, and no more is permitted than it consents to there. */
      readonly namespace?: string;
    };
    /** What is permitted. Rules add up. */
    readonly rules: readonly {
      /** Permits the actions on every object that the selectors select. Selectors are patterns: `*` stands for any run of characters, `\*` and `\\` for the character itself; names are compared as the server stores them, so an unquoted name in SQL is lower case here. */
      readonly sql?: {
        /** Patterns of database names. Absent: the default database of the backend. */
        readonly databases?: readonly string[];
        /** Patterns of schema names. Absent: public. No `*` reaches pg_catalog, information_schema and other schemas whose names begin with pg_: write them out. */
        readonly schemas?: readonly string[];
        /** Patterns of names of tables, views, materialized views and foreign tables, for select, insert, update, delete and truncate. Absent: none. A view is judged by its own name; what it reads runs under the server's rules. */
        readonly tables?: readonly string[];
        /** Patterns of the columns of those tables. Absent: all, those that are added later too. */
        readonly columns?: readonly string[];
        /** Patterns of names of functions, procedures, aggregates and operators outside pg_catalog, or in it (with pg_catalog in schemas) and not known as harmless, for execute. Absent: none. What a function does runs under the server's rules. */
        readonly functions?: readonly string[];
        /** Patterns of names of sequences, for usage (nextval, currval). Absent: none. setval needs admin. */
        readonly sequences?: readonly string[];
        /** Patterns of names of types and domains outside pg_catalog, for usage. Absent: none. */
        readonly types?: readonly string[];
        /** What is permitted, by the names of PostgreSQL's own privileges. `read` is select; `write` is insert, update and delete. FOR UPDATE needs update, WHERE and RETURNING need select. `admin` allows everything in the databases and takes no other selector. */
        readonly actions: readonly (
          'select' | 'insert' | 'update' | 'delete' | 'truncate' | 'execute' | 'usage' | 'read' | 'write' | 'admin'
        )[];
      };
    }[];
    /** When the permission ends, as RFC 3339 (2027-01-01T00:00:00Z). Absent or null: never. */
    readonly expiresAt?: string | null;
  };
  /** What became of it. Written by ArticDBM. */
  readonly status?: {
    /** The metadata.generation that the status speaks of. */
    readonly observedGeneration?: number;
    /** Conditions as on every Kubernetes object; Ready says whether it is in force. */
    readonly conditions?: readonly {
      /** What the condition is about, such as Ready. */
      readonly type: string;
      /** Whether it holds. */
      readonly status: 'True' | 'False' | 'Unknown';
      /** The metadata.generation that the condition speaks of. */
      readonly observedGeneration?: number;
      /** When its status last changed. */
      readonly lastTransitionTime: string;
      /** Why, in one CamelCase word for programs. */
      readonly reason: string;
      /** Why, in a sentence for people. */
      readonly message: string;
    }[];
  };
}

/** Someone who logs in to databases through ArticDBM. It may do nothing until a DbPermission refers to it. */
export interface DbUser {
  readonly apiVersion: 'articdbm.io/v1alpha1';
  readonly kind: 'DbUser';
  readonly metadata: Metadata;
  /** Who it is, and the bounds of what it uses. */
  readonly spec: {
    /** The name that clients log in with, as PostgreSQL stores it. If several DbUsers claim one name on one backend, the one in the backend's own namespace has it, else the oldest. */
    readonly username: string;
    /** Whether it may log in. When set to false, its open sessions are closed. Default: true. */
    readonly enabled: boolean;
    /** ServiceAccounts of this namespace whose pods are this user: on the loopback of their own sidecar no password is asked. Absent: none, it logs in by password at gateways. Of no meaning to a standalone proxy. */
    readonly serviceAccounts?: readonly string[];
    /** Its password, at gateways and standalone proxies. Absent: no password is accepted. */
    readonly passwordSecretRef?: {
      /** Name of a Secret in this namespace. */
      readonly name: string;
      /** Key of the password in the Secret. Default: "password". */
      readonly key: string;
    };
    /** What it may use of each proxy. Absent: as much as the proxy has. */
    readonly limits?: {
      /** Connections at one time. */
      readonly connectionsPerProxy?: number;
      /** Statements per second in the long run. */
      readonly statementsPerSecondPerProxy?: number;
      /** Statements that may come at once. Absent: as many as in one second. */
      readonly burst?: number;
    };
    /** What the audit log holds about it, if that is more than its backend's security.audit asks for. */
    readonly audit?: 'none' | 'denied' | 'access' | 'statements';
    /** When it ends, as RFC 3339 (2027-01-01T00:00:00Z): logins are refused and sessions closed from then on. Absent or null: never. */
    readonly expiresAt?: string | null;
  };
  /** What became of it. Written by ArticDBM. */
  readonly status?: {
    /** The proxies that serve it. */
    readonly proxies?: {
      /** How many run. */
      readonly running: number;
      /** How many of these have it in force as it is now. Absent: Redis, where they report, is away. */
      readonly inSync?: number;
      /** The two as inSync/running: 3/3; ?/3 while it is not known how many are in sync. */
      readonly summary: string;
    };
    /** The metadata.generation that the status speaks of. */
    readonly observedGeneration?: number;
    /** Conditions as on every Kubernetes object; Ready says whether it is in force. */
    readonly conditions?: readonly {
      /** What the condition is about, such as Ready. */
      readonly type: string;
      /** Whether it holds. */
      readonly status: 'True' | 'False' | 'Unknown';
      /** The metadata.generation that the condition speaks of. */
      readonly observedGeneration?: number;
      /** When its status last changed. */
      readonly lastTransitionTime: string;
      /** Why, in one CamelCase word for programs. */
      readonly reason: string;
      /** Why, in a sentence for people. */
      readonly message: string;
    }[];
  };
}
