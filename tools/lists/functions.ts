import type { CatalogFunction } from './catalog.ts';

/**
 * Whether the functions of pg_catalog that bear a name are free: anybody may call them, whatever the policy says.
 * The rules are tried in order and the first that fits decides, for all overloads of the name together. What no rule
 * names is not free. The README's table is printed from here.
 */
export interface Rule {
  readonly name: string;
  readonly free: boolean;
  /** Why, for the table. */
  readonly because: string;
  readonly fits: (name: string, overloads: readonly CatalogFunction[]) => boolean;
}

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

const named = (text: string): Rule['fits'] => {
  const set = words(text);
  return (name) => set.has(name);
};

/** Types that only the server's own machinery can hand over, or C strings that I/O functions take as they are. */
const MACHINE_TYPES = words(`internal cstring trigger event_trigger language_handler fdw_handler index_am_handler
  table_am_handler tsm_handler pg_ddl_command`);

const machine: Rule['fits'] = (_name, overloads) =>
  overloads.some((overload) => [...overload.argumentTypes, overload.returns].some((type) => MACHINE_TYPES.has(type)));

/** Immutable means in PostgreSQL: neither reads nor changes the database (CREATE FUNCTION). */
const pure: Rule['fits'] = (_name, overloads) =>
  overloads.every(
    (overload) =>
      overload.volatility === 'i' &&
      overload.publicExecute &&
      (overload.language === 'internal' || overload.language === 'sql'),
  );

export const RULES: readonly Rule[] = [
  {
    name: 'machinery',
    free: false,
    because:
      'takes or returns internal, cstring or a handler type: type input and output, triggers, index, planner and encoding support',
    fits: machine,
  },
  {
    name: 'judged apart',
    free: false,
    because: 'the analysis judges each call by its arguments: settings and sequences',
    fits: named('set_config current_setting nextval currval setval lastval'),
  },
  {
    name: 'runs text as SQL',
    free: false,
    because: 'an argument is a query, or names a relation, cursor, schema or type whose content is read',
    fits: named(`query_to_xml query_to_xmlschema query_to_xml_and_xmlschema table_to_xml table_to_xmlschema
      table_to_xml_and_xmlschema schema_to_xml schema_to_xmlschema schema_to_xml_and_xmlschema database_to_xml
      database_to_xmlschema database_to_xml_and_xmlschema cursor_to_xml cursor_to_xmlschema ts_stat ts_rewrite
      currtid2 satisfies_hash_partition pg_input_is_valid pg_input_error_info`),
  },
  {
    name: 'files and large objects',
    free: false,
    because: 'reads or writes files of the server, or large objects, which no rule names',
    fits: (name) =>
      /^(pg_ls_|pg_read_|lo_)/.test(name) ||
      words(`loread lowrite pg_stat_file pg_current_logfile pg_rotate_logfile pg_rotate_logfile_old pg_hba_file_rules
        pg_ident_file_mappings pg_show_all_file_settings pg_export_snapshot pg_relation_filepath pg_relation_filenode
        pg_filenode_relation pg_tablespace_location pg_config pg_get_loaded_modules`).has(name),
  },
  {
    name: 'other sessions and the server',
    free: false,
    because: 'shows, signals, blocks or wakes other sessions, or administers the server',
    fits: (name) =>
      /^(pg_advisory_(?!unlock)|pg_try_advisory_|pg_control_|pg_backup_|pg_log_|binary_upgrade_|pg_get_shmem_)/.test(
        name,
      ) ||
      words(`pg_cancel_backend pg_terminate_backend pg_blocking_pids pg_safe_snapshot_blocking_pids pg_reload_conf
        pg_isolation_test_session_is_blocked pg_lock_status pg_prepared_xact pg_notify pg_notification_queue_usage
        pg_promote pg_show_all_settings pg_settings_get_flags pg_get_backend_memory_contexts pg_get_aios
        pg_get_multixact_members pg_last_committed_xact pg_xact_commit_timestamp
        pg_xact_commit_timestamp_origin pg_import_system_collations pg_extension_config_dump pg_nextoid
        pg_stop_making_pinned_objects pg_conf_load_time shobj_description pg_get_wait_events`).has(name),
  },
  {
    name: 'text of the session',
    free: false,
    because:
      'shows the text that the server was sent, in which a substitute of the proxy may stand, with its secret name',
    fits: named('current_query pg_cursor pg_prepared_statement'),
  },
  {
    name: 'WAL and replication',
    free: false,
    because: 'reads or moves the write-ahead log, replication slots, origins, publications or recovery',
    fits: (name) =>
      /^pg_(replication_|logical_|create_|copy_|drop_|sync_|wal|current_wal|switch_wal|split_wal|last_wal)/.test(
        name,
      ) ||
      words(`pg_available_wal_summaries pg_get_wal_replay_pause_state pg_get_wal_resource_managers pg_is_wal_replay_paused
        pg_get_wal_summarizer_state pg_last_xact_replay_timestamp pg_get_replication_slots pg_get_publication_tables
        pg_show_replication_origin_status`).has(name),
  },
  {
    name: 'statistics',
    free: false,
    because: 'tells about data, its size or its use, or changes what is known of it',
    fits: (name) =>
      /^pg_stat_|_stats$|_size$/.test(name.replace(/^pg_(column|size)_.*/, '')) ||
      words('pg_mcv_list_items pg_sequence_last_value pg_sequence_parameters pg_get_sequence_data').has(name),
  },
  {
    name: 'bodies',
    free: false,
    because: 'prints the body of a view, rule or function',
    fits: named('pg_get_viewdef pg_get_ruledef pg_get_functiondef pg_get_function_sqlbody'),
  },
  {
    name: 'maintenance',
    free: false,
    because: 'changes indexes, or checks objects that are being created',
    fits: named(`brin_desummarize_range brin_summarize_new_values brin_summarize_range gin_clean_pending_list amvalidate
      fmgr_c_validator fmgr_internal_validator fmgr_sql_validator plpgsql_validator postgresql_fdw_validator
      btequalimage btvarstrequalimage gist_translate_cmptype_common spg_poly_quad_compress pg_indexam_progress_phasename`),
  },
  {
    name: 'pure',
    free: true,
    because: 'every overload is immutable, internal or SQL, and PUBLIC may execute it',
    fits: pure,
  },
  {
    name: 'clock and chance',
    free: true,
    because: 'clock, waiting and random numbers; the statement timeout bounds the waiting',
    fits: named(`now statement_timestamp transaction_timestamp clock_timestamp timeofday random random_normal setseed
      gen_random_uuid uuidv4 uuidv7 array_sample array_shuffle pg_sleep pg_sleep_for pg_sleep_until`),
  },
  {
    name: 'own session',
    free: true,
    because: 'who, where and in which transaction the session itself is; letting go of its own locks, as pools do',
    fits: named(`current_database current_schema current_schemas current_user session_user system_user getpgusername
      version getdatabaseencoding pg_client_encoding pg_backend_pid pg_my_temp_schema pg_is_other_temp_schema
      pg_listening_channels pg_trigger_depth pg_is_in_recovery pg_jit_available pg_postmaster_start_time
      inet_client_addr inet_client_port inet_server_addr inet_server_port get_current_ts_config
      txid_current txid_current_if_assigned txid_current_snapshot txid_status pg_current_xact_id pg_xact_status
      pg_current_xact_id_if_assigned pg_current_snapshot mxid_age
      pg_advisory_unlock pg_advisory_unlock_shared pg_advisory_unlock_all`),
  },
  {
    name: 'values by setting',
    free: true,
    because: 'works on its arguments alone; only stable because of the time zone, the locale or type look-ups',
    fits: named(`age date date_add date_subtract date_part date_trunc extract interval_pl_timestamptz make_timestamptz money
      numeric overlaps in_range generate_series time timetz timestamp timestamptz timezone to_char to_date to_number
      to_timestamp length convert convert_from convert_to concat concat_ws format quote_literal quote_nullable
      anytextcat textanycat array_to_string array_to_json json_agg json_agg_strict json_build_array json_build_object
      json_object_agg json_object_agg_strict json_object_agg_unique json_object_agg_unique_strict json_populate_record
      json_populate_recordset json_to_record json_to_recordset json_to_tsvector jsonb_agg jsonb_agg_strict
      jsonb_build_array jsonb_build_object jsonb_path_exists_tz jsonb_path_match_tz jsonb_path_query_array_tz
      jsonb_path_query_first_tz jsonb_path_query_tz jsonb_populate_record jsonb_populate_record_valid
      jsonb_populate_recordset jsonb_to_record jsonb_to_recordset jsonb_to_tsvector row_to_json to_json to_jsonb
      enum_first enum_last enum_range to_tsvector to_tsquery plainto_tsquery phraseto_tsquery websearch_to_tsquery
      ts_headline ts_debug ts_parse ts_token_type ts_match_tq ts_match_tt xml xml_is_well_formed oidvectortypes
      textsend varcharsend bpcharsend namesend array_send record_send enum_send range_send multirange_send xml_send
      pg_typeof pg_collation_for pg_column_size pg_column_compression aclexplode`),
  },
  {
    name: 'comparisons by time zone',
    free: true,
    because: 'comparisons and sums of dates and timestamps, stable because of the time zone',
    fits: (name) =>
      /^(date|timestamp|timestamptz)_(cmp|eq|ge|gt|le|lt|ne)_(date|timestamp|timestamptz)$/.test(name) ||
      /^timestamptz_(mi|pl)_interval$/.test(name),
  },
  {
    name: 'catalog names',
    free: true,
    because:
      'shows what psql’s \\d shows: names, types, defaults, constraints, index and trigger definitions, comments',
    fits: (name) =>
      /^pg_[a-z_]+_is_visible$/.test(name) ||
      words(`format_type col_description obj_description pg_basetype pg_get_constraintdef pg_get_expr pg_get_indexdef
        pg_get_function_arg_default pg_get_function_arguments pg_get_function_identity_arguments pg_get_function_result
        pg_get_object_address pg_get_partition_constraintdef pg_get_partkeydef pg_get_replica_identity_index
        pg_get_serial_sequence pg_get_statisticsobjdef pg_get_statisticsobjdef_columns
        pg_get_statisticsobjdef_expressions pg_get_triggerdef pg_get_userbyid pg_describe_object pg_identify_object
        pg_identify_object_as_address pg_index_column_has_property pg_index_has_property pg_indexam_has_property
        pg_column_is_updatable pg_relation_is_updatable pg_relation_is_publishable pg_partition_ancestors
        pg_partition_tree pg_collation_actual_version pg_char_to_encoding pg_encoding_to_char pg_get_keywords
        pg_options_to_table pg_timezone_abbrevs pg_timezone_abbrevs_abbrevs pg_timezone_abbrevs_zone pg_timezone_names
        pg_available_extensions pg_available_extension_versions regclass to_regclass to_regcollation to_regnamespace
        to_regoper to_regoperator to_regproc to_regprocedure to_regrole to_regtype to_regtypemod`).has(name),
  },
  {
    name: 'privileges',
    free: true,
    because: 'answers yes or no about a privilege',
    fits: (name) => /^has_[a-z_]+_privilege$/.test(name) || name === 'pg_has_role' || name === 'row_security_active',
  },
];

const UNLISTED: Rule = {
  name: 'unlisted',
  free: false,
  because: 'no rule names it',
  fits: () => true,
};

export const ALL_RULES: readonly Rule[] = [...RULES, UNLISTED];

export interface ClassifiedFunctions {
  /** Name → the rule that decided. Names in the order of the catalog. */
  readonly rules: ReadonlyMap<string, Rule>;
  /** Not free, and callable with one argument that may be a whole row. */
  readonly rowFunctionsNotFree: readonly string[];
}

export function classifyFunctions(functions: readonly CatalogFunction[]): ClassifiedFunctions {
  const overloads = Map.groupBy(functions, (overload) => overload.name);
  const rules = new Map<string, Rule>();
  const rows: string[] = [];
  for (const [name, group] of overloads) {
    const rule = ALL_RULES.find((candidate) => candidate.fits(name, group)) ?? UNLISTED;
    rules.set(name, rule);
    if (!rule.free && group.some(takesRow)) rows.push(name);
  }
  return { rules, rowFunctionsNotFree: rows };
}

/** Parameter types that a composite value can be passed to without a cast. */
const ROW_TYPES = words('record anyelement anynonarray anycompatible anycompatiblenonarray any');

function takesRow(overload: CatalogFunction): boolean {
  const [first] = overload.argumentTypes;
  const required = overload.argumentTypes.length - overload.defaults;
  return first !== undefined && required <= 1 && ROW_TYPES.has(first);
}
