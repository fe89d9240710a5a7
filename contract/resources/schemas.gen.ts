// Generated from crds/ by tools/generate; do not edit.

import type { Schema } from './schema.ts';

export const API_VERSION = 'articdbm.io/v1alpha1';

export type Kind = 'DatabaseBackend' | 'DbPermission' | 'DbUser';

export const SCHEMAS: Readonly<Record<Kind, Schema>> = {
  DatabaseBackend: {
    description: 'A database server that users reach through ArticDBM, and how ArticDBM reaches it.',
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { description: 'The version of this schema, articdbm.io/v1alpha1.', type: 'string' },
      kind: { description: 'DatabaseBackend.', type: 'string' },
      metadata: { type: 'object' },
      spec: {
        description: 'The server, and the terms on which it is used.',
        type: 'object',
        required: ['protocol', 'endpoints', 'database', 'credentialsSecretRef'],
        properties: {
          protocol: {
            description: 'What the server speaks. It can not be changed.',
            type: 'string',
            enum: ['postgresql'],
            'x-kubernetes-validations': [
              { rule: 'self == oldSelf', message: 'the protocol can not be changed: make another DatabaseBackend' },
            ],
          },
          endpoints: {
            description: 'Where the server listens. Exactly one is the primary.',
            type: 'array',
            minItems: 1,
            maxItems: 16,
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['name'],
            'x-kubernetes-validations': [
              {
                rule: "self.exists_one(e, e.role == 'primary')",
                message: 'exactly one endpoint is the primary: name one (replicas are not supported yet)',
              },
            ],
            items: {
              description: 'One address of the server.',
              type: 'object',
              required: ['name', 'host'],
              properties: {
                name: {
                  description: 'Name of the endpoint within this backend.',
                  type: 'string',
                  minLength: 1,
                  maxLength: 63,
                  pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
                },
                host: {
                  description: 'DNS name or IP address. With TLS mode verify-full the certificate must bear it.',
                  type: 'string',
                  minLength: 1,
                  maxLength: 253,
                  pattern: '^[A-Za-z0-9._:-]+$',
                  'x-kubernetes-validations': [
                    {
                      rule: "!self.matches('^[^:]*:[0-9]*$')",
                      message: 'a host has no port in it: write the port under port',
                    },
                  ],
                },
                port: { description: 'TCP port.', type: 'integer', minimum: 1, maximum: 65535, default: 5432 },
                role: {
                  description: 'What the endpoint is to the others.',
                  type: 'string',
                  enum: ['primary'],
                  default: 'primary',
                },
              },
            },
          },
          database: {
            description: 'The default database, for clients that name none and for rules without databases.',
            type: 'string',
            minLength: 1,
            maxLength: 63,
            pattern: '^[^\\x00-\\x1f\\x7f]+$',
          },
          searchPath: {
            description:
              'The schemas in which sessions look for names without one, in order, whatever the server would have set.',
            type: 'array',
            minItems: 1,
            maxItems: 16,
            default: ['public'],
            'x-kubernetes-list-type': 'atomic',
            items: {
              description: 'Name of a schema, as the server stores it.',
              type: 'string',
              minLength: 1,
              maxLength: 63,
              pattern: '^[^\\x00-\\x1f\\x7f]+$',
              'x-kubernetes-validations': [
                {
                  rule: "!self.startsWith('pg_')",
                  message: "schemas whose names begin with pg_ are the system's: they are searched without being named",
                },
                { rule: "self != '$user'", message: '$user is not supported: name the schema itself' },
              ],
            },
          },
          credentialsSecretRef: {
            description: 'The login that ArticDBM uses at the server.',
            type: 'object',
            required: ['name'],
            properties: {
              name: {
                description: 'Name of a Secret in this namespace.',
                type: 'string',
                minLength: 1,
                maxLength: 253,
                pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$',
              },
              usernameKey: {
                description: 'Key of the user name in the Secret.',
                type: 'string',
                minLength: 1,
                maxLength: 253,
                pattern: '^[-._a-zA-Z0-9]+$',
                default: 'username',
              },
              passwordKey: {
                description: 'Key of the password in the Secret.',
                type: 'string',
                minLength: 1,
                maxLength: 253,
                pattern: '^[-._a-zA-Z0-9]+$',
                default: 'password',
              },
            },
          },
          tls: {
            description: 'How connections to the server are secured.',
            type: 'object',
            default: {},
            'x-kubernetes-validations': [
              {
                rule: "!has(self.caSecretRef) || self.mode in ['verify-ca', 'verify-full']",
                message:
                  'the CA is only used to verify: set mode to verify-full or verify-ca, or leave caSecretRef out',
                fieldPath: '.caSecretRef',
              },
              {
                rule: "!has(self.allowCleartextPassword) || !self.allowCleartextPassword || self.mode in ['verify-ca', 'verify-full']",
                message:
                  'a password is only ever sent as it is to a verified server: set mode to verify-full or verify-ca, or leave allowCleartextPassword out',
                fieldPath: '.allowCleartextPassword',
              },
            ],
            properties: {
              mode: {
                description:
                  "As libpq's sslmode. `disable`: no TLS. `allow` and `prefer`: TLS if the server insists or offers it. `require`: TLS, with no look at the certificate. `verify-ca`: the certificate must be signed by the CA. `verify-full`: and bear the host's name.",
                type: 'string',
                enum: ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'],
                default: 'verify-full',
              },
              caSecretRef: {
                description: "The CA certificates, as PEM, that sign the server's. Absent: those of the system.",
                type: 'object',
                required: ['name'],
                properties: {
                  name: {
                    description: 'Name of a Secret in this namespace.',
                    type: 'string',
                    minLength: 1,
                    maxLength: 253,
                    pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$',
                  },
                  key: {
                    description: 'Key of the certificates in the Secret.',
                    type: 'string',
                    minLength: 1,
                    maxLength: 253,
                    pattern: '^[-._a-zA-Z0-9]+$',
                    default: 'ca.crt',
                  },
                },
              },
              allowCleartextPassword: {
                description:
                  'Whether the server may be sent the password as it is when it asks for that. Only ever done over verified TLS.',
                type: 'boolean',
                default: false,
              },
            },
          },
          management: {
            description:
              "What ArticDBM does at the server. `Observe`: nothing; everybody is served with the one login of credentialsSecretRef, and ArticDBM's judgement alone keeps users apart.",
            type: 'string',
            enum: ['Observe'],
            default: 'Observe',
          },
          sharedLogin: {
            description:
              "Whether that one login may be handed to sidecars. `Forbid`: to gateways only, so that no application's pod can learn it. `Allow`: to sidecars of bound users too, whose pods can then get past ArticDBM. Of no meaning to a standalone proxy.",
            type: 'string',
            enum: ['Forbid', 'Allow'],
            default: 'Forbid',
          },
          gateways: {
            description:
              "ServiceAccounts of this namespace whose pods serve all of this backend's users, by password. Absent: none. Of no meaning to a standalone proxy.",
            type: 'array',
            maxItems: 16,
            'x-kubernetes-list-type': 'set',
            items: {
              description: 'Name of a ServiceAccount.',
              type: 'string',
              minLength: 1,
              maxLength: 253,
              'x-kubernetes-validations': [
                {
                  rule: "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')",
                  message:
                    'is no name of a ServiceAccount: write the name alone, without its namespace, as lower-case letters, digits, - and .',
                },
              ],
            },
          },
          consumers: {
            description:
              "The other namespaces whose DbPermissions may refer to this backend, and for what at most. A namespace that is not named here gets nothing; this backend's own namespace needs no entry.",
            type: 'array',
            maxItems: 64,
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['namespace'],
            items: {
              description: 'One namespace and its ceiling.',
              type: 'object',
              required: ['namespace', 'ceiling'],
              properties: {
                namespace: {
                  description: 'The namespace of the DbPermissions.',
                  type: 'string',
                  minLength: 1,
                  maxLength: 63,
                  pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
                },
                ceiling: {
                  description:
                    "The most that its permissions can permit. A statement needs a permission's rule and a rule of the ceiling that both allow it.",
                  type: 'array',
                  minItems: 1,
                  maxItems: 16,
                  'x-kubernetes-list-type': 'atomic',
                  items: {
                    description: 'One thing that may be permitted.',
                    type: 'object',
                    'x-kubernetes-validations': [
                      {
                        rule: 'has(self.sql)',
                        message:
                          'a rule needs its sql part: write what is permitted under sql (redis and mongodb are not supported yet)',
                      },
                    ],
                    properties: {
                      sql: {
                        description:
                          'Permits the actions on every object that the selectors select. Selectors are patterns: `*` stands for any run of characters, `\\*` and `\\\\` for the character itself; names are compared as the server stores them, so an unquoted name in SQL is lower case here.',
                        type: 'object',
                        required: ['actions'],
                        'x-kubernetes-validations': [
                          {
                            rule: "!self.actions.exists(a, a == 'admin') || self.actions.size() == 1",
                            message: 'admin allows everything already: name it alone, or leave it out',
                            fieldPath: '.actions',
                          },
                          {
                            rule: "!self.actions.exists(a, a == 'admin') || !(has(self.schemas) || has(self.tables) || has(self.columns) || has(self.functions) || has(self.sequences) || has(self.types))",
                            message: 'admin is for whole databases: leave out every selector but databases',
                            fieldPath: '.actions',
                          },
                          {
                            rule: "has(self.tables) || !self.actions.exists(a, a in ['read', 'write', 'select', 'insert', 'update', 'delete', 'truncate'])",
                            message:
                              'select, insert, update, delete, truncate, read and write are for tables: add tables',
                            fieldPath: '.actions',
                          },
                          {
                            rule: "!self.actions.exists(a, a == 'execute') || has(self.functions)",
                            message: 'execute is for functions: add functions',
                            fieldPath: '.actions',
                          },
                          {
                            rule: "!self.actions.exists(a, a == 'usage') || has(self.sequences) || has(self.types)",
                            message: 'usage is for sequences and types: add sequences or types',
                            fieldPath: '.actions',
                          },
                          {
                            rule: "!has(self.tables) || self.actions.exists(a, a in ['read', 'write', 'select', 'insert', 'update', 'delete', 'truncate'])",
                            message:
                              'nothing is done with the tables: add select, insert, update, delete, truncate, read or write to actions',
                            fieldPath: '.tables',
                          },
                          {
                            rule: "!has(self.functions) || self.actions.exists(a, a == 'execute')",
                            message: 'functions are for execute: add execute to actions',
                            fieldPath: '.functions',
                          },
                          {
                            rule: "!has(self.sequences) || self.actions.exists(a, a == 'usage')",
                            message: 'sequences are for usage: add usage to actions',
                            fieldPath: '.sequences',
                          },
                          {
                            rule: "!has(self.types) || self.actions.exists(a, a == 'usage')",
                            message: 'types are for usage: add usage to actions',
                            fieldPath: '.types',
                          },
                          {
                            rule: '!has(self.columns) || has(self.tables)',
                            message: 'columns are those of tables: add tables, or leave columns out',
                            fieldPath: '.columns',
                          },
                          {
                            rule: "!has(self.columns) || self.columns.exists(c, c == '*') || !self.actions.exists(a, a in ['write', 'delete', 'truncate'])",
                            message:
                              'delete, truncate and write (which includes delete) take whole rows: leave columns out, or put them into a rule of their own',
                            fieldPath: '.columns',
                          },
                        ],
                        properties: {
                          databases: {
                            description: 'Patterns of database names. Absent: the default database of the backend.',
                            type: 'array',
                            minItems: 1,
                            maxItems: 64,
                            'x-kubernetes-list-type': 'set',
                            items: {
                              description:
                                'A pattern: `*` for any run of characters, `\\*` and `\\\\` for the character itself.',
                              type: 'string',
                              minLength: 1,
                              maxLength: 128,
                              pattern: '^([^\\x00-\\x1f\\x7f\\\\]|\\\\[*\\\\])+$',
                            },
                          },
                          schemas: {
                            description:
                              'Patterns of schema names. Absent: public. No `*` reaches pg_catalog, information_schema and other schemas whose names begin with pg_: write them out.',
                            type: 'array',
                            minItems: 1,
                            maxItems: 64,
                            'x-kubernetes-list-type': 'set',
                            items: {
                              description:
                                'A pattern: `*` for any run of characters, `\\*` and `\\\\` for the character itself.',
                              type: 'string',
                              minLength: 1,
                              maxLength: 128,
                              pattern: '^([^\\x00-\\x1f\\x7f\\\\]|\\\\[*\\\\])+$',
                            },
                          },
                          tables: {
                            description:
                              "Patterns of names of tables, views, materialized views and foreign tables, for select, insert, update, delete and truncate. Absent: none. A view is judged by its own name; what it reads runs under the server's rules.",
                            type: 'array',
                            minItems: 1,
                            maxItems: 64,
                            'x-kubernetes-list-type': 'set',
                            items: {
                              description:
                                'A pattern: `*` for any run of characters, `\\*` and `\\\\` for the character itself.',
                              type: 'string',
                              minLength: 1,
                              maxLength: 128,
                              pattern: '^([^\\x00-\\x1f\\x7f\\\\]|\\\\[*\\\\])+$',
                            },
                          },
                          columns: {
                            description:
                              'Patterns of the columns of those tables. Absent: all, those that are added later too.',
                            type: 'array',
                            minItems: 1,
                            maxItems: 64,
                            'x-kubernetes-list-type': 'set',
                            items: {
                              description:
                                'A pattern: `*` for any run of characters, `\\*` and `\\\\` for the character itself.',
                              type: 'string',
                              minLength: 1,
                              maxLength: 128,
                              pattern: '^([^\\x00-\\x1f\\x7f\\\\]|\\\\[*\\\\])+$',
                            },
                          },
                          functions: {
                            description:
                              "Patterns of names of functions, procedures, aggregates and operators outside pg_catalog, or in it (with pg_catalog in schemas) and not known as harmless, for execute. Absent: none. What a function does runs under the server's rules.",
                            type: 'array',
                            minItems: 1,
                            maxItems: 64,
                            'x-kubernetes-list-type': 'set',
                            items: {
                              description:
                                'A pattern: `*` for any run of characters, `\\*` and `\\\\` for the character itself.',
                              type: 'string',
                              minLength: 1,
                              maxLength: 128,
                              pattern: '^([^\\x00-\\x1f\\x7f\\\\]|\\\\[*\\\\])+$',
                            },
                          },
                          sequences: {
                            description:
                              'Patterns of names of sequences, for usage (nextval, currval). Absent: none. setval needs admin.',
                            type: 'array',
                            minItems: 1,
                            maxItems: 64,
                            'x-kubernetes-list-type': 'set',
                            items: {
                              description:
                                'A pattern: `*` for any run of characters, `\\*` and `\\\\` for the character itself.',
                              type: 'string',
                              minLength: 1,
                              maxLength: 128,
                              pattern: '^([^\\x00-\\x1f\\x7f\\\\]|\\\\[*\\\\])+$',
                            },
                          },
                          types: {
                            description:
                              'Patterns of names of types and domains outside pg_catalog, for usage. Absent: none.',
                            type: 'array',
                            minItems: 1,
                            maxItems: 64,
                            'x-kubernetes-list-type': 'set',
                            items: {
                              description:
                                'A pattern: `*` for any run of characters, `\\*` and `\\\\` for the character itself.',
                              type: 'string',
                              minLength: 1,
                              maxLength: 128,
                              pattern: '^([^\\x00-\\x1f\\x7f\\\\]|\\\\[*\\\\])+$',
                            },
                          },
                          actions: {
                            description:
                              "What is permitted, by the names of PostgreSQL's own privileges. `read` is select; `write` is insert, update and delete. FOR UPDATE needs update, WHERE and RETURNING need select. `admin` allows everything in the databases and takes no other selector.",
                            type: 'array',
                            minItems: 1,
                            maxItems: 10,
                            'x-kubernetes-list-type': 'set',
                            items: {
                              description: 'One action.',
                              type: 'string',
                              enum: [
                                'select',
                                'insert',
                                'update',
                                'delete',
                                'truncate',
                                'execute',
                                'usage',
                                'read',
                                'write',
                                'admin',
                              ],
                            },
                          },
                        },
                      },
                    },
                  },
                },
              },
            },
          },
          timeouts: {
            description: 'How long things may take, as durations: 500ms, 3s, 10m, 1h30m.',
            type: 'object',
            default: {},
            properties: {
              connect: {
                description: 'For the TCP connection to the server.',
                type: 'string',
                maxLength: 32,
                pattern: '^([0-9]{1,9}(ms|s|m|h))+$',
                default: '3s',
                'x-kubernetes-validations': [
                  {
                    rule: "duration(self) > duration('0s') && duration(self) <= duration('10m')",
                    message: 'is not above 0s and up to 10m: write a duration such as 3s',
                  },
                ],
              },
              login: {
                description: 'For TLS and the login at the server, after the connection.',
                type: 'string',
                maxLength: 32,
                pattern: '^([0-9]{1,9}(ms|s|m|h))+$',
                default: '10s',
                'x-kubernetes-validations': [
                  {
                    rule: "duration(self) > duration('0s') && duration(self) <= duration('10m')",
                    message: 'is not above 0s and up to 10m: write a duration such as 10s',
                  },
                ],
              },
              statement: {
                description: 'For one statement, from its receipt to the end of its reply. 0s: no limit.',
                type: 'string',
                maxLength: 32,
                pattern: '^([0-9]{1,9}(ms|s|m|h))+$',
                default: '0s',
                'x-kubernetes-validations': [
                  {
                    rule: "duration(self) <= duration('168h')",
                    message: 'is more than 168h: write a shorter duration, or 0s for no limit',
                  },
                ],
              },
              idle: {
                description: 'For a session between two statements. 0s: no limit.',
                type: 'string',
                maxLength: 32,
                pattern: '^([0-9]{1,9}(ms|s|m|h))+$',
                default: '0s',
                'x-kubernetes-validations': [
                  {
                    rule: "duration(self) <= duration('168h')",
                    message: 'is more than 168h: write a shorter duration, or 0s for no limit',
                  },
                ],
              },
            },
          },
          security: {
            description: 'What is recorded.',
            type: 'object',
            default: {},
            properties: {
              audit: {
                description:
                  'What the audit log holds. `none`: nothing. `denied`: logins that failed and statements that were refused. `access`: every login and statement, by user, action and object. `statements`: their texts too, with constants replaced.',
                type: 'string',
                enum: ['none', 'denied', 'access', 'statements'],
                default: 'denied',
              },
            },
          },
        },
      },
      status: {
        description: 'What became of it. Written by ArticDBM.',
        type: 'object',
        properties: {
          observedGeneration: {
            description: 'The metadata.generation that the status speaks of.',
            type: 'integer',
            format: 'int64',
            minimum: 0,
          },
          conditions: {
            description: 'Conditions as on every Kubernetes object; Ready says whether it is in force.',
            type: 'array',
            maxItems: 16,
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['type'],
            items: {
              description: 'One condition.',
              type: 'object',
              required: ['type', 'status', 'lastTransitionTime', 'reason', 'message'],
              properties: {
                type: { description: 'What the condition is about, such as Ready.', type: 'string', maxLength: 316 },
                status: { description: 'Whether it holds.', type: 'string', enum: ['True', 'False', 'Unknown'] },
                observedGeneration: {
                  description: 'The metadata.generation that the condition speaks of.',
                  type: 'integer',
                  format: 'int64',
                  minimum: 0,
                },
                lastTransitionTime: {
                  description: 'When its status last changed.',
                  type: 'string',
                  format: 'date-time',
                  maxLength: 64,
                },
                reason: { description: 'Why, in one CamelCase word for programs.', type: 'string', maxLength: 1024 },
                message: { description: 'Why, in a sentence for people.', type: 'string', maxLength: 32768 },
              },
            },
          },
        },
      },
    },
  },
  DbPermission: {
    description:
      'What one DbUser may do on one DatabaseBackend. Permissions only allow: what no permission allows is denied, and several permissions add up.',
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { description: 'The version of this schema, articdbm.io/v1alpha1.', type: 'string' },
      kind: { description: 'DbPermission.', type: 'string' },
      metadata: { type: 'object' },
      spec: {
        description: 'What is permitted, to whom and where.',
        type: 'object',
        required: ['userRef', 'backendRef', 'rules'],
        properties: {
          userRef: {
            description: 'The user that is permitted something.',
            type: 'object',
            required: ['name'],
            properties: {
              name: {
                description: 'Name of a DbUser in this namespace.',
                type: 'string',
                minLength: 1,
                maxLength: 253,
                pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$',
              },
            },
          },
          backendRef: {
            description: 'The backend that the rules are about.',
            type: 'object',
            required: ['name'],
            properties: {
              name: {
                description: 'Name of a DatabaseBackend.',
                type: 'string',
                minLength: 1,
                maxLength: 253,
                pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$',
              },
              namespace: {
                description:
                  "Namespace of the DatabaseBackend; absent: this permission's own. A backend elsewhere must name this namespace among its consumers, and no more is permitted than it consents to there.",
                type: 'string',
                minLength: 1,
                maxLength: 63,
                pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
              },
            },
          },
          rules: {
            description: 'What is permitted. Rules add up.',
            type: 'array',
            minItems: 1,
            maxItems: 64,
            'x-kubernetes-list-type': 'atomic',
            items: {
              description: 'One thing that is permitted.',
              type: 'object',
              'x-kubernetes-validations': [
                {
                  rule: 'has(self.sql)',
                  message:
                    'a rule needs its sql part: write what is permitted under sql (redis and mongodb are not supported yet)',
                },
              ],
              properties: {
                sql: {
                  description:
                    'Permits the actions on every object that the selectors select. Selectors are patterns: `*` stands for any run of characters, `\\*` and `\\\\` for the character itself; names are compared as the server stores them, so an unquoted name in SQL is lower case here.',
                  type: 'object',
                  required: ['actions'],
                  'x-kubernetes-validations': [
                    {
                      rule: "!self.actions.exists(a, a == 'admin') || self.actions.size() == 1",
                      message: 'admin allows everything already: name it alone, or leave it out',
                      fieldPath: '.actions',
                    },
                    {
                      rule: "!self.actions.exists(a, a == 'admin') || !(has(self.schemas) || has(self.tables) || has(self.columns) || has(self.functions) || has(self.sequences) || has(self.types))",
                      message: 'admin is for whole databases: leave out every selector but databases',
                      fieldPath: '.actions',
                    },
                    {
                      rule: "has(self.tables) || !self.actions.exists(a, a in ['read', 'write', 'select', 'insert', 'update', 'delete', 'truncate'])",
                      message: 'select, insert, update, delete, truncate, read and write are for tables: add tables',
                      fieldPath: '.actions',
                    },
                    {
                      rule: "!self.actions.exists(a, a == 'execute') || has(self.functions)",
                      message: 'execute is for functions: add functions',
                      fieldPath: '.actions',
                    },
                    {
                      rule: "!self.actions.exists(a, a == 'usage') || has(self.sequences) || has(self.types)",
                      message: 'usage is for sequences and types: add sequences or types',
                      fieldPath: '.actions',
                    },
                    {
                      rule: "!has(self.tables) || self.actions.exists(a, a in ['read', 'write', 'select', 'insert', 'update', 'delete', 'truncate'])",
                      message:
                        'nothing is done with the tables: add select, insert, update, delete, truncate, read or write to actions',
                      fieldPath: '.tables',
                    },
                    {
                      rule: "!has(self.functions) || self.actions.exists(a, a == 'execute')",
                      message: 'functions are for execute: add execute to actions',
                      fieldPath: '.functions',
                    },
                    {
                      rule: "!has(self.sequences) || self.actions.exists(a, a == 'usage')",
                      message: 'sequences are for usage: add usage to actions',
                      fieldPath: '.sequences',
                    },
                    {
                      rule: "!has(self.types) || self.actions.exists(a, a == 'usage')",
                      message: 'types are for usage: add usage to actions',
                      fieldPath: '.types',
                    },
                    {
                      rule: '!has(self.columns) || has(self.tables)',
                      message: 'columns are those of tables: add tables, or leave columns out',
                      fieldPath: '.columns',
                    },
                    {
                      rule: "!has(self.columns) || self.columns.exists(c, c == '*') || !self.actions.exists(a, a in ['write', 'delete', 'truncate'])",
                      message:
                        'delete, truncate and write (which includes delete) take whole rows: leave columns out, or put them into a rule of their own',
                      fieldPath: '.columns',
                    },
                  ],
                  properties: {
                    databases: {
                      description: 'Patterns of database names. Absent: the default database of the backend.',
                      type: 'array',
                      minItems: 1,
                      maxItems: 64,
                      'x-kubernetes-list-type': 'set',
                      items: {
                        description:
                          'A pattern: `*` for any run of characters, `\\*` and `\\\\` for the character itself.',
                        type: 'string',
                        minLength: 1,
                        maxLength: 128,
                        pattern: '^([^\\x00-\\x1f\\x7f\\\\]|\\\\[*\\\\])+$',
                      },
                    },
                    schemas: {
                      description:
                        'Patterns of schema names. Absent: public. No `*` reaches pg_catalog, information_schema and other schemas whose names begin with pg_: write them out.',
                      type: 'array',
                      minItems: 1,
                      maxItems: 64,
                      'x-kubernetes-list-type': 'set',
                      items: {
                        description:
                          'A pattern: `*` for any run of characters, `\\*` and `\\\\` for the character itself.',
                        type: 'string',
                        minLength: 1,
                        maxLength: 128,
                        pattern: '^([^\\x00-\\x1f\\x7f\\\\]|\\\\[*\\\\])+$',
                      },
                    },
                    tables: {
                      description:
                        "Patterns of names of tables, views, materialized views and foreign tables, for select, insert, update, delete and truncate. Absent: none. A view is judged by its own name; what it reads runs under the server's rules.",
                      type: 'array',
                      minItems: 1,
                      maxItems: 64,
                      'x-kubernetes-list-type': 'set',
                      items: {
                        description:
                          'A pattern: `*` for any run of characters, `\\*` and `\\\\` for the character itself.',
                        type: 'string',
                        minLength: 1,
                        maxLength: 128,
                        pattern: '^([^\\x00-\\x1f\\x7f\\\\]|\\\\[*\\\\])+$',
                      },
                    },
                    columns: {
                      description:
                        'Patterns of the columns of those tables. Absent: all, those that are added later too.',
                      type: 'array',
                      minItems: 1,
                      maxItems: 64,
                      'x-kubernetes-list-type': 'set',
                      items: {
                        description:
                          'A pattern: `*` for any run of characters, `\\*` and `\\\\` for the character itself.',
                        type: 'string',
                        minLength: 1,
                        maxLength: 128,
                        pattern: '^([^\\x00-\\x1f\\x7f\\\\]|\\\\[*\\\\])+$',
                      },
                    },
                    functions: {
                      description:
                        "Patterns of names of functions, procedures, aggregates and operators outside pg_catalog, or in it (with pg_catalog in schemas) and not known as harmless, for execute. Absent: none. What a function does runs under the server's rules.",
                      type: 'array',
                      minItems: 1,
                      maxItems: 64,
                      'x-kubernetes-list-type': 'set',
                      items: {
                        description:
                          'A pattern: `*` for any run of characters, `\\*` and `\\\\` for the character itself.',
                        type: 'string',
                        minLength: 1,
                        maxLength: 128,
                        pattern: '^([^\\x00-\\x1f\\x7f\\\\]|\\\\[*\\\\])+$',
                      },
                    },
                    sequences: {
                      description:
                        'Patterns of names of sequences, for usage (nextval, currval). Absent: none. setval needs admin.',
                      type: 'array',
                      minItems: 1,
                      maxItems: 64,
                      'x-kubernetes-list-type': 'set',
                      items: {
                        description:
                          'A pattern: `*` for any run of characters, `\\*` and `\\\\` for the character itself.',
                        type: 'string',
                        minLength: 1,
                        maxLength: 128,
                        pattern: '^([^\\x00-\\x1f\\x7f\\\\]|\\\\[*\\\\])+$',
                      },
                    },
                    types: {
                      description:
                        'Patterns of names of types and domains outside pg_catalog, for usage. Absent: none.',
                      type: 'array',
                      minItems: 1,
                      maxItems: 64,
                      'x-kubernetes-list-type': 'set',
                      items: {
                        description:
                          'A pattern: `*` for any run of characters, `\\*` and `\\\\` for the character itself.',
                        type: 'string',
                        minLength: 1,
                        maxLength: 128,
                        pattern: '^([^\\x00-\\x1f\\x7f\\\\]|\\\\[*\\\\])+$',
                      },
                    },
                    actions: {
                      description:
                        "What is permitted, by the names of PostgreSQL's own privileges. `read` is select; `write` is insert, update and delete. FOR UPDATE needs update, WHERE and RETURNING need select. `admin` allows everything in the databases and takes no other selector.",
                      type: 'array',
                      minItems: 1,
                      maxItems: 10,
                      'x-kubernetes-list-type': 'set',
                      items: {
                        description: 'One action.',
                        type: 'string',
                        enum: [
                          'select',
                          'insert',
                          'update',
                          'delete',
                          'truncate',
                          'execute',
                          'usage',
                          'read',
                          'write',
                          'admin',
                        ],
                      },
                    },
                  },
                },
              },
            },
          },
          expiresAt: {
            description: 'When the permission ends, as RFC 3339 (2027-01-01T00:00:00Z). Absent or null: never.',
            type: 'string',
            format: 'date-time',
            nullable: true,
            maxLength: 64,
          },
        },
      },
      status: {
        description: 'What became of it. Written by ArticDBM.',
        type: 'object',
        properties: {
          observedGeneration: {
            description: 'The metadata.generation that the status speaks of.',
            type: 'integer',
            format: 'int64',
            minimum: 0,
          },
          conditions: {
            description: 'Conditions as on every Kubernetes object; Ready says whether it is in force.',
            type: 'array',
            maxItems: 16,
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['type'],
            items: {
              description: 'One condition.',
              type: 'object',
              required: ['type', 'status', 'lastTransitionTime', 'reason', 'message'],
              properties: {
                type: { description: 'What the condition is about, such as Ready.', type: 'string', maxLength: 316 },
                status: { description: 'Whether it holds.', type: 'string', enum: ['True', 'False', 'Unknown'] },
                observedGeneration: {
                  description: 'The metadata.generation that the condition speaks of.',
                  type: 'integer',
                  format: 'int64',
                  minimum: 0,
                },
                lastTransitionTime: {
                  description: 'When its status last changed.',
                  type: 'string',
                  format: 'date-time',
                  maxLength: 64,
                },
                reason: { description: 'Why, in one CamelCase word for programs.', type: 'string', maxLength: 1024 },
                message: { description: 'Why, in a sentence for people.', type: 'string', maxLength: 32768 },
              },
            },
          },
        },
      },
    },
  },
  DbUser: {
    description:
      'Someone who logs in to databases through ArticDBM. It may do nothing until a DbPermission refers to it.',
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { description: 'The version of this schema, articdbm.io/v1alpha1.', type: 'string' },
      kind: { description: 'DbUser.', type: 'string' },
      metadata: { type: 'object' },
      spec: {
        description: 'Who it is, and the bounds of what it uses.',
        type: 'object',
        required: ['username'],
        properties: {
          username: {
            description:
              "The name that clients log in with, as PostgreSQL stores it. If several DbUsers claim one name on one backend, the one in the backend's own namespace has it, else the oldest.",
            type: 'string',
            minLength: 1,
            maxLength: 63,
            pattern: '^[^\\x00-\\x1f\\x7f]+$',
            'x-kubernetes-validations': [
              {
                rule: 'self == oldSelf',
                message: 'the user name can not be changed, for another may have it: make another DbUser',
              },
              {
                rule: "self != 'articdbm'",
                message: "articdbm is the name of whoever a pod's only user is: choose another",
              },
              {
                rule: "!self.startsWith('pg_') && !(self in ['public', 'none'])",
                message: 'PostgreSQL keeps public, none and names that begin with pg_ for itself: choose another',
              },
            ],
          },
          enabled: {
            description: 'Whether it may log in. When set to false, its open sessions are closed.',
            type: 'boolean',
            default: true,
          },
          serviceAccounts: {
            description:
              'ServiceAccounts of this namespace whose pods are this user: on the loopback of their own sidecar no password is asked. Absent: none, it logs in by password at gateways. Of no meaning to a standalone proxy.',
            type: 'array',
            maxItems: 32,
            'x-kubernetes-list-type': 'set',
            items: {
              description: 'Name of a ServiceAccount.',
              type: 'string',
              minLength: 1,
              maxLength: 253,
              'x-kubernetes-validations': [
                {
                  rule: "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')",
                  message:
                    'is no name of a ServiceAccount: write the name alone, without its namespace, as lower-case letters, digits, - and .',
                },
              ],
            },
          },
          passwordSecretRef: {
            description: 'Its password, at gateways and standalone proxies. Absent: no password is accepted.',
            type: 'object',
            required: ['name'],
            properties: {
              name: {
                description: 'Name of a Secret in this namespace.',
                type: 'string',
                minLength: 1,
                maxLength: 253,
                pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$',
              },
              key: {
                description: 'Key of the password in the Secret.',
                type: 'string',
                minLength: 1,
                maxLength: 253,
                pattern: '^[-._a-zA-Z0-9]+$',
                default: 'password',
              },
            },
          },
          limits: {
            description: 'What it may use of each proxy. Absent: as much as the proxy has.',
            type: 'object',
            'x-kubernetes-validations': [
              {
                rule: '!has(self.burst) || has(self.statementsPerSecondPerProxy)',
                message: 'burst goes beyond a rate: set statementsPerSecondPerProxy, or leave burst out',
                fieldPath: '.burst',
              },
            ],
            properties: {
              connectionsPerProxy: {
                description: 'Connections at one time.',
                type: 'integer',
                format: 'int32',
                minimum: 1,
                maximum: 100000,
              },
              statementsPerSecondPerProxy: {
                description: 'Statements per second in the long run.',
                type: 'integer',
                format: 'int32',
                minimum: 1,
                maximum: 1000000,
              },
              burst: {
                description: 'Statements that may come at once. Absent: as many as in one second.',
                type: 'integer',
                format: 'int32',
                minimum: 1,
                maximum: 10000000,
              },
            },
          },
          audit: {
            description:
              "What the audit log holds about it, if that is more than its backend's security.audit asks for.",
            type: 'string',
            enum: ['none', 'denied', 'access', 'statements'],
          },
          expiresAt: {
            description:
              'When it ends, as RFC 3339 (2027-01-01T00:00:00Z): logins are refused and sessions closed from then on. Absent or null: never.',
            type: 'string',
            format: 'date-time',
            nullable: true,
            maxLength: 64,
          },
        },
      },
      status: {
        description: 'What became of it. Written by ArticDBM.',
        type: 'object',
        properties: {
          proxies: {
            description: 'The proxies that serve it.',
            type: 'object',
            required: ['running', 'summary'],
            properties: {
              running: { description: 'How many run.', type: 'integer', format: 'int32', minimum: 0 },
              inSync: {
                description:
                  'How many of these have it in force as it is now. Absent: Redis, where they report, is away.',
                type: 'integer',
                format: 'int32',
                minimum: 0,
              },
              summary: {
                description: 'The two as inSync/running: 3/3; ?/3 while it is not known how many are in sync.',
                type: 'string',
                maxLength: 32,
              },
            },
          },
          observedGeneration: {
            description: 'The metadata.generation that the status speaks of.',
            type: 'integer',
            format: 'int64',
            minimum: 0,
          },
          conditions: {
            description: 'Conditions as on every Kubernetes object; Ready says whether it is in force.',
            type: 'array',
            maxItems: 16,
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['type'],
            items: {
              description: 'One condition.',
              type: 'object',
              required: ['type', 'status', 'lastTransitionTime', 'reason', 'message'],
              properties: {
                type: { description: 'What the condition is about, such as Ready.', type: 'string', maxLength: 316 },
                status: { description: 'Whether it holds.', type: 'string', enum: ['True', 'False', 'Unknown'] },
                observedGeneration: {
                  description: 'The metadata.generation that the condition speaks of.',
                  type: 'integer',
                  format: 'int64',
                  minimum: 0,
                },
                lastTransitionTime: {
                  description: 'When its status last changed.',
                  type: 'string',
                  format: 'date-time',
                  maxLength: 64,
                },
                reason: { description: 'Why, in one CamelCase word for programs.', type: 'string', maxLength: 1024 },
                message: { description: 'Why, in a sentence for people.', type: 'string', maxLength: 32768 },
              },
            },
          },
        },
      },
    },
  },
};
