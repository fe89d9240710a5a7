/**
 * Functions of pg_catalog that no rule for functions can grant, only `admin`: what one of them reaches is not said by its
 * name. All others that are not free ask for `execute` on their name in pg_catalog.
 */

/** What they may do depends on their arguments, so calls are judged one by one (special-functions.ts); else: admin. */
const JUDGED_BY_ARGUMENTS = ['set_config', 'current_setting', 'nextval', 'currval', 'setval'];

/** They run a text as SQL, or read relations named by a text or an OID. */
const RUN_TEXT = [
  ...['query_to_xml', 'query_to_xmlschema', 'query_to_xml_and_xmlschema', 'cursor_to_xml', 'cursor_to_xmlschema'],
  ...['table_to_xml', 'table_to_xmlschema', 'table_to_xml_and_xmlschema'],
  ...['schema_to_xml', 'schema_to_xmlschema', 'schema_to_xml_and_xmlschema'],
  ...['database_to_xml', 'database_to_xmlschema', 'database_to_xml_and_xmlschema'],
  ...['ts_stat', 'ts_rewrite'],
];

/** They read or write files of the server. */
const FILES = [
  ...['pg_read_file', 'pg_read_binary_file', 'pg_stat_file', 'pg_ls_dir', 'lo_import', 'lo_export'],
  ...['pg_hba_file_rules', 'pg_ident_file_mappings', 'pg_show_all_file_settings', 'pg_import_system_collations'],
];

/** They call the input, output or check functions of a type that is named by a text or an OID: code of users. */
const CALL_BY_TYPE = [
  ...['pg_input_is_valid', 'pg_input_error_info', 'array_in', 'array_recv', 'domain_in', 'domain_recv', 'enum_in'],
  ...['enum_recv', 'record_in', 'record_recv', 'range_in', 'range_recv', 'multirange_in', 'multirange_recv'],
];

/** They show the texts that the server was sent, the proxy's substitutes with their secret names among them. */
const SHOW_TEXTS = [
  ...['current_query', 'pg_cursor', 'pg_prepared_statement', 'pg_stat_get_activity', 'pg_stat_get_backend_activity'],
];

export const ADMIN_FUNCTIONS: ReadonlySet<string> = new Set([
  ...JUDGED_BY_ARGUMENTS,
  ...RUN_TEXT,
  ...FILES,
  ...CALL_BY_TYPE,
  ...SHOW_TEXTS,
]);
