import { foldCase } from './identifiers.ts';
import { parseSearchPath, refusedOnPath } from './search-path.ts';

/**
 * Which settings a session may change, and to what. An allow-list: what changes how a text is read, who runs it, what is
 * logged, or what others see is not on it.
 */
export type SettingVerdict =
  { readonly ok: true } | { readonly ok: false; readonly message: string; readonly hint?: string };

type Check = (value: string) => boolean;

const any: Check = () => true;
const oneOf =
  (...values: readonly string[]): Check =>
  (value) =>
    values.includes(foldCase(value.trim()));

/** PostgreSQL reads encoding names without signs and case. Source: pg_char_to_encoding. */
const isUtf8: Check = (value) => ['utf8', 'unicode'].includes(value.replace(/[^A-Za-z0-9]/g, '').toLowerCase());

const CHECKED: readonly (readonly [string, Check])[] = [
  ['client_encoding', isUtf8],
  ['standard_conforming_strings', oneOf('on', 'true', 'yes', '1')],
  // Debug levels tell of the server's inside.
  ['client_min_messages', oneOf('log', 'info', 'notice', 'warning', 'error')],
];

const FREE: readonly string[] = [
  ...['application_name', 'datestyle', 'intervalstyle', 'timezone', 'extra_float_digits', 'bytea_output'],
  ...['lc_monetary', 'lc_numeric', 'lc_time', 'xmlbinary', 'xmloption', 'array_nulls', 'quote_all_identifiers'],
  ...['escape_string_warning', 'default_text_search_config', 'gin_fuzzy_search_limit', 'check_function_bodies'],
  ...['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout'],
  ...['transaction_timeout', 'transaction_isolation', 'transaction_read_only', 'transaction_deferrable'],
  ...['default_transaction_isolation', 'default_transaction_read_only', 'default_transaction_deferrable'],
  ...['synchronous_commit', 'work_mem', 'maintenance_work_mem', 'hash_mem_multiplier', 'temp_buffers'],
  // How plans are chosen.
  ...['enable_async_append', 'enable_bitmapscan', 'enable_distinct_reordering', 'enable_gathermerge'],
  ...['enable_group_by_reordering', 'enable_hashagg', 'enable_hashjoin', 'enable_incremental_sort'],
  ...['enable_indexonlyscan', 'enable_indexscan', 'enable_material', 'enable_memoize', 'enable_mergejoin'],
  ...['enable_nestloop', 'enable_parallel_append', 'enable_parallel_hash', 'enable_partition_pruning'],
  ...['enable_partitionwise_aggregate', 'enable_partitionwise_join', 'enable_presorted_aggregate'],
  ...['enable_self_join_elimination', 'enable_seqscan', 'enable_sort', 'enable_tidscan'],
  ...['geqo', 'geqo_effort', 'geqo_generations', 'geqo_pool_size', 'geqo_seed', 'geqo_selection_bias'],
  ...['geqo_threshold', 'jit', 'jit_above_cost', 'jit_inline_above_cost', 'jit_optimize_above_cost'],
  ...['plan_cache_mode', 'constraint_exclusion', 'cursor_tuple_fraction', 'from_collapse_limit'],
  ...['join_collapse_limit', 'cpu_index_tuple_cost', 'cpu_operator_cost', 'cpu_tuple_cost'],
  ...['effective_cache_size', 'effective_io_concurrency', 'parallel_leader_participation'],
  ...['max_parallel_workers_per_gather', 'max_parallel_workers', 'min_parallel_index_scan_size'],
  ...['min_parallel_table_scan_size', 'parallel_setup_cost', 'parallel_tuple_cost', 'random_page_cost'],
  ...['recursive_worktable_factor', 'seq_page_cost'],
];

const SETTABLE: ReadonlyMap<string, Check> = new Map([
  ...CHECKED,
  ...FREE.map((name): readonly [string, Check] => [name, any]),
]);

/** What may be read besides what may be set. */
const READABLE: ReadonlySet<string> = new Set([
  ...['search_path', 'server_version', 'server_version_num', 'server_encoding', 'integer_datetimes', 'is_superuser'],
  ...['session_authorization', 'role', 'in_hot_standby', 'max_identifier_length', 'max_index_keys', 'block_size'],
  ...['lc_collate', 'lc_ctype', 'lc_messages', 'row_security', 'max_function_args', 'default_table_access_method'],
  ...['default_tablespace', 'transform_null_equals', 'backslash_quote', 'default_toast_compression'],
]);

/**
 * Whether a session may set it so; null: back to its start-up value. Used for SET, set_config and the start-up packet.
 * Of a search_path only the form is judged: each of its schemas needs usage besides.
 */
export function judgeSetting(name: string, value: string | null): SettingVerdict {
  const folded = foldCase(name);
  if (folded === 'search_path') return judgeSearchPath(value);
  const check = SETTABLE.get(folded);
  if (check === undefined) {
    return { ok: false, message: `setting "${name}" can not be changed through the proxy` };
  }
  if (value === null || check(value)) return { ok: true };
  return {
    ok: false,
    message: `setting "${name}" can not be changed to that value through the proxy`,
    hint: 'the proxy reads statements as UTF-8 with standard strings',
  };
}

function judgeSearchPath(value: string | null): SettingVerdict {
  const schemas = value === null ? [] : parseSearchPath(value);
  if (schemas === undefined) return { ok: false, message: 'this search_path can not be read' };
  const refused = schemas.map(refusedOnPath).find((message) => message !== undefined);
  return refused === undefined ? { ok: true } : { ok: false, message: refused, hint: 'qualify the names instead' };
}

/** Whether any value at all is allowed, so that it need not be a constant. */
export const takesAnyValue = (name: string): boolean => SETTABLE.get(foldCase(name)) === any;

export function mayReadSetting(name: string): boolean {
  const folded = foldCase(name);
  return SETTABLE.has(folded) || READABLE.has(folded);
}
