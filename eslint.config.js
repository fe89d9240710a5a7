import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** What a folder that is said to be pure may not touch (docs/architecture.md, invariants). */
const IMPURE_MODULES = {
  regex:
    '^(node:)?(fs|net|tls|dns|dgram|http|https|http2|child_process|worker_threads|cluster|os|process|timers|readline|inspector|perf_hooks)(/|$)',
  message: 'This folder is pure: no sockets, files, clocks, processes. Hand it in.',
};

const IMPURE_GLOBALS = [
  'process',
  'console',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'performance',
  'fetch',
  'Date',
].map((name) => ({ name, message: 'This folder is pure: clock, delay, process and console are handed in.' }));

const FORGED_ALLOW = { object: 'Allow', property: 'make', message: 'Only contract/policy/evaluate.ts makes an Allow.' };

const IMPURE_PROPERTIES = [
  { object: 'Math', property: 'random', message: 'Randomness is handed in.' },
  { object: 'crypto', property: 'randomBytes', message: 'Randomness is handed in.' },
];

const pure = (files, extraPatterns = []) => ({
  files,
  ignores: ['**/*.test.ts'],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [IMPURE_MODULES, ...extraPatterns],
        paths: [
          {
            name: 'node:crypto',
            importNames: ['randomBytes', 'randomInt', 'randomUUID', 'randomFillSync'],
            message: 'Randomness is handed in.',
          },
        ],
      },
    ],
    'no-restricted-globals': ['error', ...IMPURE_GLOBALS],
    'no-restricted-properties': ['error', FORGED_ALLOW, ...IMPURE_PROPERTIES],
  },
});

const directed = (files, patterns) => ({
  files,
  ignores: ['**/*.test.ts'],
  rules: { 'no-restricted-imports': ['error', { patterns }] },
});

const NOT_CONTRACT_OR_SELF = { regex: '^#(?!contract/)', message: 'contract imports nothing of ours.' };
const NO_CLI = { regex: '^#cli/', message: 'The proxy never imports the command line.' };
const NO_PROXY = { regex: '^#(proxy|cli)/', message: 'The operator and the proxy never import each other.' };
const NO_OPERATOR = { regex: '^#operator/', message: 'The operator and the proxy never import each other.' };
const NO_KUBERNETES = { regex: '^@kubernetes/', message: 'Only operator/src/kube speaks to the API server.' };
const NO_TEST = { regex: '^#test/', message: 'Nothing but tests imports the test harness.' };

export default defineConfig(
  { ignores: ['node_modules/', 'dist/', 'dist-bundle/', 'coverage/', '**/*.gen.ts', 'proxy/test/drivers/go/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      complexity: ['error', 14],
      'max-depth': ['error', 4],
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 5],
      'no-console': 'error',
      'no-empty': ['error', { allowEmptyCatch: false }],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' },
        { selector: 'ExportAllDeclaration', message: 'No barrel files.' },
        { selector: 'CatchClause[param=null]', message: 'No bare catch: name the error and look at it.' },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },

  // Import directions, as drawn in docs/architecture.md.
  pure(['contract/**/*.ts'], [NOT_CONTRACT_OR_SELF, NO_TEST]),
  {
    files: ['proxy/src/**/*.ts', 'cli/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: { 'no-restricted-properties': ['error', FORGED_ALLOW] },
  },
  {
    files: ['contract/policy/evaluate.ts'],
    rules: { 'no-restricted-properties': ['error', ...IMPURE_PROPERTIES] },
  },
  pure(
    ['proxy/src/bytes/**/*.ts', 'proxy/src/crypto/**/*.ts', 'proxy/src/sql/**/*.ts'],
    [
      {
        regex: '^(?!#contract/)(.*/)?(protocols|upstream|parser|telemetry|audit|snapshot)/',
        message: 'bytes, crypto and sql know no other part of the proxy.',
      },
      NO_CLI,
      NO_OPERATOR,
      NO_TEST,
    ],
  ),
  pure(
    ['proxy/src/protocols/**/*.ts'],
    [
      {
        regex: '(^|/)(upstream|telemetry|audit|server|connection|relay)(/|\\.ts$|$)',
        message: 'A protocol is pure: what it needs of the proxy is handed in.',
      },
      NO_CLI,
      NO_OPERATOR,
      NO_TEST,
    ],
  ),
  directed(
    [
      'proxy/src/upstream/**/*.ts',
      'proxy/src/snapshot/**/*.ts',
      'proxy/src/audit/**/*.ts',
      'proxy/src/telemetry/**/*.ts',
      'proxy/src/parser/**/*.ts',
    ],
    [
      {
        regex: '(^|/)(server|connection|relay|main)\\.ts$',
        message: 'Imports go main → server → connection → relay → protocols, never back.',
      },
      NO_CLI,
      NO_OPERATOR,
      NO_TEST,
    ],
  ),
  directed(
    ['proxy/src/relay*.ts'],
    [
      {
        regex: '(^|/)(server|connection|main)\\.ts$',
        message: 'Imports go main → server → connection → relay → protocols, never back.',
      },
      NO_CLI,
      NO_OPERATOR,
      NO_TEST,
    ],
  ),
  directed(
    ['proxy/src/connection*.ts'],
    [
      {
        regex: '(^|/)(server|main)\\.ts$',
        message: 'Imports go main → server → connection → relay → protocols, never back.',
      },
      NO_CLI,
      NO_OPERATOR,
      NO_TEST,
    ],
  ),
  directed(['proxy/src/server*.ts', 'cli/**/*.ts'], [NO_TEST]),

  directed(['operator/src/kube/**/*.ts'], [NO_PROXY, NO_TEST]),
  directed(['operator/src/{publish,store}/**/*.ts'], [NO_PROXY, NO_KUBERNETES, NO_TEST]),
  directed(
    ['operator/src/*.ts', 'operator/src/{controllers,keys,resources,secrets,serving}/**/*.ts'],
    [NO_PROXY, NO_KUBERNETES, NO_TEST],
  ),
  pure(
    ['operator/src/controllers/**/plan*.ts', 'operator/src/serving/{inject,validate}*.ts'],
    [
      { regex: '(^|/)(kube|publish|store|runtime|secrets|keys)/', message: 'A plan imports contract alone.' },
      NO_PROXY,
      NO_KUBERNETES,
      NO_TEST,
    ],
  ),
  pure(['operator/src/runtime/**/*.ts'], [NO_PROXY, NO_KUBERNETES, NO_TEST]),

  // What talks to a person at a terminal may print; test files may be longer and use chai's expressions.
  {
    files: [
      'cli/**/*.ts',
      'tools/**/*.ts',
      'proxy/bench/**/*.ts',
      'proxy/src/bench/**/*.ts',
      'proxy/test/**/*.ts',
      'operator/test/**/*.ts',
      'e2e/**/*.ts',
    ],
    rules: { 'no-console': 'off' },
  },
  {
    files: [
      '**/*.test.ts',
      'proxy/test/**/*.ts',
      'operator/test/**/*.ts',
      'e2e/**/*.ts',
      'tools/**/*.ts',
      'proxy/src/bench/**/*.ts',
    ],
    rules: {
      '@typescript-eslint/no-unused-expressions': 'off',
      'max-lines-per-function': 'off',
      'max-lines': ['error', { max: 900, skipBlankLines: true, skipComments: true }],
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  { files: ['**/*.js', '**/*.mjs'], extends: [tseslint.configs.disableTypeChecked] },
);
